/* SPDX-License-Identifier: MIT */
/* The host of a memfd channel, in a process of its own. */
#ifndef SYSTEM_MEMFD_HOST_H
#define SYSTEM_MEMFD_HOST_H

/** Serve the guest at the other end of this socket until it closes it; then end the process. */
_Noreturn void memfd_host_run(int socket);

#endif
