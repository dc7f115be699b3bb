/* SPDX-License-Identifier: MIT */
/* The host of a memfd channel: a guest's process of the program balloon-memfd-host, without the program around it. */
#include "system/memfd-host.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "memfd-host/program.h"

_Noreturn void memfd_host_run(int socket)
{
	const struct options without_limits = {.max_pages = 0};
	struct guest guest;
	signal(SIGINT, SIG_IGN); /* a terminal's interrupt is the guest's affair */
	if (guest_open(&guest, socket, &without_limits, NULL) < 0)
		_exit(1);
	do {
		struct pollfd one = {socket, guest.answer.n_bytes > 0 ? POLLOUT : POLLIN, 0};
		poll(&one, 1, -1);
	} while (guest_serve(&guest) == GUEST_STAYS);
	_exit(0);
}
