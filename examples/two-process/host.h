/* SPDX-License-Identifier: MIT */
#ifndef TWO_PROCESS_HOST_H
#define TWO_PROCESS_HOST_H

#include <balloon/memfd-host.h>

struct host {
	int socket_fd;
	int memfd;
	struct balloon_memfd_host_stats *stats; /* shared with the guest, for it to print */
};

/** Serve the guest until it has gone. Returns the exit status. */
int be_host(struct host *host);

#endif
