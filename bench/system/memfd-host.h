/* SPDX-License-Identifier: MIT */
#ifndef SYSTEM_MEMFD_HOST_H
#define SYSTEM_MEMFD_HOST_H

/** Be the host of the guest at the other end of this socket, until it closes it; then end the process. */
_Noreturn void memfd_host_run(int socket);

#endif
