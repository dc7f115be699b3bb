/* SPDX-License-Identifier: MIT */
/*
 * balloon-memfd-host: one thread, which waits for all guests at once and takes one message of each in
 * turn, so that none of them keeps it from the others.
 */

#define _GNU_SOURCE /* ppoll() */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "program.h"

enum { TICK_MS = 1000, NS_PER_MS = 1000000 };

struct server {
	struct options options;
	struct door door;
	struct accounts accounts;
	struct guest *guests; /* max_guests places */
	struct pollfd *polls; /* of the guests, and the door behind them */
	uint64_t *n_printed;  /* requests of each guest when its last line was printed */
	uint64_t n_here;
	uint64_t n_gone;
	uint64_t tick_ns; /* when the next lines are due */
	bool is_pausing;  /* no descriptors left for guests, until the next tick */
};

static volatile sig_atomic_t is_stopped;

static void stop(int signal)
{
	(void)signal;
	is_stopped = 1;
}

/* Signals come in while we wait, and at no other time. */
static void catch_signals(sigset_t *while_waiting)
{
	struct sigaction action = {.sa_handler = stop};
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, while_waiting);
	sigdelset(while_waiting, SIGTERM);
	sigdelset(while_waiting, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

/* ---- Guests come and go ---------------------------------------------------------------------- */

static struct guest *free_place(struct server *server)
{
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		if (!server->guests[i].host)
			return &server->guests[i];
	return NULL;
}

static void welcome(struct server *server)
{
	struct guest *guest = free_place(server);
	int socket_fd = guest ? door_accept(&server->door) : -EAGAIN;
	if (socket_fd < 0) {
		server->is_pausing = socket_fd != -EAGAIN;
		return;
	}
	if (guest_open(guest, socket_fd, server->accounts.n_guests + 1, &server->options) < 0)
		return;
	server->accounts.n_guests++;
	server->n_here++;
	server->n_printed[guest - server->guests] = 0;
	accounts_print_guest(&server->accounts, guest, "came");
}

static void part(struct server *server, struct guest *guest, const char *event)
{
	accounts_print_guest(&server->accounts, guest, event);
	accounts_add(&server->accounts, guest);
	guest_close(guest);
	server->n_here--;
	server->n_gone++;
}

static void serve(struct server *server, struct guest *guest)
{
	switch (guest_serve(guest)) {
	case GUEST_STAYS:
		return;
	case GUEST_LEFT:
		part(server, guest, "left");
		return;
	case GUEST_DROPPED:
		server->accounts.n_dropped++;
		part(server, guest, "dropped");
		return;
	}
}

/* ---- Accounts, now and then ------------------------------------------------------------------ */

static void count_held(struct server *server)
{
	struct balloon_memfd_host_stats stats;
	uint64_t n_held = 0;
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		if (balloon_memfd_host_stats(server->guests[i].host, &stats) == 0)
			n_held += stats.n_held;
	if (n_held > server->accounts.n_held_max)
		server->accounts.n_held_max = n_held;
}

static void print_changes(struct server *server)
{
	struct balloon_memfd_host_stats stats;
	uint64_t now_ns = balloon_platform_now_ns();
	if (now_ns < server->tick_ns)
		return;
	server->tick_ns = now_ns + (uint64_t)TICK_MS * NS_PER_MS;
	server->is_pausing = false;
	for (uint64_t i = 0; i < server->options.max_guests; i++) {
		struct guest *guest = &server->guests[i];
		if (balloon_memfd_host_stats(guest->host, &stats) < 0 ||
			stats.n_requests == server->n_printed[i])
			continue;
		server->n_printed[i] = stats.n_requests;
		accounts_print_guest(&server->accounts, guest, "changed");
	}
}

/* ---- The loop -------------------------------------------------------------------------------- */

static void wait_for_events(struct server *server, const sigset_t *while_waiting)
{
	const struct timespec tick = {TICK_MS / 1000, TICK_MS % 1000 * NS_PER_MS};
	uint64_t n = server->options.max_guests;
	bool has_room = server->n_here < n && !server->is_pausing;
	for (uint64_t i = 0; i < n; i++) {
		const struct guest *guest = &server->guests[i];
		server->polls[i].fd = guest->host ? guest->socket_fd : -1;
		server->polls[i].events = guest->answer.n_bytes ? POLLOUT : POLLIN;
		server->polls[i].revents = 0;
	}
	server->polls[n] = (struct pollfd){.fd = has_room ? server->door.fd : -1, .events = POLLIN};
	if (has_room && server->door.fd >= 0 && !server->door.is_listening)
		server->polls[n].events = POLLOUT; /* a guest that is here already */
	if (ppoll(server->polls, n + 1, &tick, while_waiting) < 0)
		for (uint64_t i = 0; i <= n; i++)
			server->polls[i].revents = 0;
}

static bool is_over(const struct server *server)
{
	const struct options *options = &server->options;
	return is_stopped || (options->exit_after && server->n_gone >= options->exit_after) ||
	       (server->door.fd < 0 && server->n_here == 0);
}

static void run(struct server *server, const sigset_t *while_waiting)
{
	uint64_t n = server->options.max_guests;
	while (!is_over(server)) {
		wait_for_events(server, while_waiting);
		for (uint64_t i = 0; i < n; i++)
			if (server->polls[i].revents && server->guests[i].host)
				serve(server, &server->guests[i]);
		if (server->polls[n].revents)
			welcome(server);
		count_held(server);
		print_changes(server);
	}
	for (uint64_t i = 0; i < n; i++)
		if (server->guests[i].host)
			part(server, &server->guests[i], "parted");
}

static int allocate(struct server *server)
{
	uint64_t n = server->options.max_guests;
	server->guests = calloc(n, sizeof(*server->guests));
	server->polls = calloc(n + 1, sizeof(*server->polls));
	server->n_printed = calloc(n, sizeof(*server->n_printed));
	return server->guests && server->polls && server->n_printed ? 0 : complain("no memory", 0);
}

int main(int argc, char **argv)
{
	struct server server = {.accounts = {.is_json = false}};
	sigset_t while_waiting;
	int result = options_read(&server.options, argc, argv);
	if (result >= 0)
		return result;
	server.accounts.is_json = server.options.is_json;
	catch_signals(&while_waiting);
	result = allocate(&server);
	if (result == 0 && door_open(&server.door, &server.options) < 0)
		result = EXIT_FAILED;
	if (result == 0) {
		run(&server, &while_waiting);
		door_close(&server.door);
		accounts_print_summary(&server.accounts);
		if (ferror(stdout))
			result = complain("stdout", EIO);
	}
	free(server.guests);
	free(server.polls);
	free(server.n_printed);
	return result;
}
