/* SPDX-License-Identifier: MIT */
/*
 * balloon-memfd-host: the first process. It waits for guests, for processes that end, and for signals, all
 * of them descriptors of one poll(), so that no crowd of the one keeps it from the others.
 */

#define _GNU_SOURCE 1 /* struct ucred */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

enum {
	TICK_MS = 1000,
	PATIENCE_MS = 1000, /* so long a silent guest keeps its slot from others who wait */
	BURST_MS = 100,     /* guests of so much time come at once after a rest */
	GUEST_MS = 4,       /* from one guest to the next: a crowd of them leaves time to others */
	REFUSAL_MS = 1,     /* the same after one that needed no process */
	MOVING_MAX = 4,     /* processes that begin or end, at a time */
	MOVING_MS = 1,      /* so often it looks whether they still do */
	END_MS = 10,        /* so long it waits for requests that are being served in the end */
	NS_PER_MS = 1000000,
};

struct server {
	struct options options;
	struct listener listener;
	struct accounts accounts;
	struct slot *slots; /* max_guests of them */
	struct common *common;
	uint64_t n_here;
	uint64_t n_processes;   /* ever made */
	uint64_t n_undertakers; /* of them, those of hang_up() that have not ended */
	int unclosed_fd; /* of a guest on which it could not hang up until the next tick, or -1 */
	uint64_t n_gone;
	uint64_t n_refused;   /* guests of users who have too many, since the last tick */
	uint64_t listener_ms; /* when the next guest may come */
	uint64_t tick_ns;     /* when the next lines are due */
	const char *problem;  /* why no guest can be taken in, until the next tick */
	int signal_fd;
	bool is_stopped;
	bool has_failed; /* nobody can come any more, though nobody said so */
};

static uint64_t now_ms(void)
{
	return balloon_platform_now_ns() / NS_PER_MS;
}

/* ---- Signals --------------------------------------------------------------------------------- */

static int catch_signals(struct server *server)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t caught;
	sigemptyset(&caught);
	sigaddset(&caught, SIGTERM);
	sigaddset(&caught, SIGINT);
	sigaddset(&caught, SIGCHLD);
	sigprocmask(SIG_BLOCK, &caught, NULL);
	sigaction(SIGCHLD, &action, NULL); /* children do not vanish unseen */
	server->signal_fd = signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK);
	return server->signal_fd < 0 ? complain("signals", errno) : 0;
}

static void take_signals(struct server *server)
{
	struct signalfd_siginfo info;
	while (read(server->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			server->is_stopped = true;
}

/* ---- Guests go ------------------------------------------------------------------------------- */

static void part(struct server *server, struct slot *slot, const char *event)
{
	accounts_print_guest(&server->accounts, slot, event);
	accounts_add(&server->accounts, slot);
	server->accounts.n_dropped += event[0] == 'd';
	slot->pid = 0;
	server->n_here--;
	server->n_gone++;
}

static struct slot *slot_of(struct server *server, pid_t pid)
{
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		if (server->slots[i].pid == pid)
			return &server->slots[i];
	return NULL;
}

/* Their processes have ended. */
static void reap(struct server *server)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct slot *slot = slot_of(server, pid);
		if (!slot) { /* or a child of whatever the program was before */
			server->n_undertakers -= server->n_undertakers != 0;
			continue;
		}
		const char *event = slot_event(slot);
		/* An operator may end one guest's process, or those of a whole group. */
		if (!event && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM))
			output_print(OUTPUT_ERR,
				"balloon-memfd-host: guest %" PRIu64
				": its process failed: %s %d\n",
				slot->number, WIFSIGNALED(status) ? "signal" : "status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		report_end(&slot->report);
		part(server, slot, event ? event : "parted");
	}
}

/* ---- Guests come ----------------------------------------------------------------------------- */

static uint64_t n_of_user(const struct server *server, uid_t user)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		n += server->slots[i].pid != 0 && server->slots[i].user == user;
	return n;
}

/* Those who could stop the host have no limit. */
static bool is_welcome(const struct server *server, int socket_fd, uid_t *user)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);
	getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	*user = peer.uid;
	return !server->listener.is_listening || *user == 0 || *user == geteuid() ||
	       n_of_user(server, *user) < server->options.max_user_guests;
}

static void pause_listener(struct server *server, const char *problem, int error)
{
	if (!server->problem)
		complain(problem, error);
	server->problem = problem;
}

/* A process has been made that has this socket; only now may it end. */
static void let_go(struct server *server, int socket_fd)
{
	close(socket_fd);
	server->n_processes++;
	atomic_store(&server->common->n_let_go, server->n_processes);
}

/* Close the socket of a guest that has no process. Returns whether that took a process, which ends at once. */
static bool hang_up(struct server *server, int socket_fd)
{
	pid_t first = getpid();
	if (guest_hang_up(socket_fd))
		return false;
	pid_t pid = fork();
	if (pid == 0)
		slot_bury(server->common, server->n_processes + 1, first);
	if (pid < 0) {
		pause_listener(server, "no process to hang up on a guest", errno);
		server->unclosed_fd = socket_fd;
		return false;
	}
	let_go(server, socket_fd);
	server->n_undertakers++;
	return true;
}

/* Returns whether that took a process. */
static bool seat(struct server *server, struct slot *slot, int socket_fd, uid_t user)
{
	pid_t first = getpid();
	*slot = (struct slot){.number = server->accounts.n_guests + 1,
		.came_ns = balloon_platform_now_ns(),
		.n_process = server->n_processes + 1,
		.user = user,
		.report.common = server->common};
	enum guest_result result = guest_greet(socket_fd, &server->options, &slot->report);
	pid_t pid = result == GUEST_STAYS ? fork() : first;
	if (pid == 0) {
		if (server->listener.fd >= 0)
			close(server->listener.fd);
		close(server->signal_fd);
		slot_run(slot, socket_fd, first, &server->options);
	}
	if (pid < 0) {
		pause_listener(server, "no process for a guest", errno);
		server->has_failed |= !server->listener.is_listening;
		return hang_up(server, socket_fd);
	}
	if (pid != first)
		let_go(server, socket_fd);
	slot->pid = pid;
	server->accounts.n_guests++;
	server->n_here++;
	accounts_print_guest(&server->accounts, slot, "came");
	if (pid != first)
		return true;
	part(server, slot, result == GUEST_LEFT ? "left" : "dropped");
	return hang_up(server, socket_fd);
}

static void welcome(struct server *server, struct slot *slot)
{
	uid_t user;
	bool is_process = false;
	int socket_fd = listener_accept(&server->listener);
	if (socket_fd == -EMFILE) {
		pause_listener(server, "no descriptor for a guest", EMFILE);
	} else if (socket_fd < 0 && socket_fd != -EAGAIN) {
		complain("nobody can come any more", -socket_fd);
		listener_close(&server->listener);
		server->has_failed = true;
	} else if (socket_fd >= 0 && is_welcome(server, socket_fd, &user)) {
		is_process = seat(server, slot, socket_fd, user);
	} else if (socket_fd >= 0) {
		server->n_refused++;
		is_process = hang_up(server, socket_fd);
	}
	uint64_t earliest_ms = now_ms() - BURST_MS;
	server->listener_ms =
		(is_process ? GUEST_MS : REFUSAL_MS) +
		(server->listener_ms > earliest_ms ? server->listener_ms : earliest_ms);
}

/* The one that has been silent longest, and long enough; but one at a time makes room. */
static struct slot *most_silent(const struct server *server)
{
	struct slot *result = NULL;
	uint64_t since_ns = balloon_platform_now_ns() - (uint64_t)PATIENCE_MS * NS_PER_MS;
	for (uint64_t i = 0; i < server->options.max_guests; i++) {
		struct slot *slot = &server->slots[i];
		int stage = atomic_load(&slot->stage);
		if (slot->pid != 0 && stage == SLOT_GIVEN_UP)
			return NULL;
		if (slot->pid == 0 || stage != SLOT_SILENT || slot->came_ns > since_ns)
			continue;
		since_ns = slot->came_ns;
		result = slot;
	}
	return result;
}

/* Somebody is at the listener. There is a slot, or one who says nothing has to make room first. */
static void open_listener(struct server *server)
{
	struct slot *slot = slot_of(server, 0);
	if (slot)
		welcome(server, slot);
	else if ((slot = most_silent(server)) != NULL)
		slot_give_up(slot);
}

/* ---- Accounts, now and then ------------------------------------------------------------------ */

static void print_changes(struct server *server)
{
	struct balloon_memfd_host_stats stats;
	for (uint64_t i = 0; i < server->options.max_guests; i++) {
		struct slot *slot = &server->slots[i];
		if (slot->pid == 0)
			continue;
		report_read(&slot->report, &stats);
		if (stats.n_requests == slot->n_printed)
			continue;
		slot->n_printed = stats.n_requests;
		accounts_print_guest(&server->accounts, slot, "changed");
	}
}

static void print_refused(struct server *server)
{
	if (server->n_refused)
		output_print(OUTPUT_ERR,
			"balloon-memfd-host: %" PRIu64 " guests refused, whose users have %" PRIu64
			" already\n",
			server->n_refused, server->options.max_user_guests);
	server->n_refused = 0;
}

static void tick(struct server *server)
{
	uint64_t now_ns = balloon_platform_now_ns();
	if (now_ns < server->tick_ns)
		return;
	server->tick_ns = now_ns + (uint64_t)TICK_MS * NS_PER_MS;
	server->problem = NULL;
	int unclosed_fd = server->unclosed_fd;
	server->unclosed_fd = -1;
	if (unclosed_fd >= 0)
		hang_up(server, unclosed_fd);
	output_retry();
	print_refused(server);
	print_changes(server);
}

/* ---- The loop -------------------------------------------------------------------------------- */

/*
 * A crowd of processes that begin has the processors before those that have been here for long, and to end is
 * as dear, so only a few do the one or the other at a time. Of undertakers, which hostile guests may hold up,
 * there are not more than of guests.
 */
static bool is_crowded(const struct server *server)
{
	uint64_t n_moving = 0;
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		n_moving += server->slots[i].pid != 0 && slot_is_moving(&server->slots[i]);
	return n_moving >= MOVING_MAX || server->n_undertakers >= server->options.max_guests;
}

/* So long nobody is let in. */
static uint64_t pause_ms(const struct server *server)
{
	uint64_t ms = now_ms();
	if (ms < server->listener_ms)
		return server->listener_ms - ms;
	return is_crowded(server) ? MOVING_MS : 0;
}

/* Whether somebody is at the listener, and is to be looked at. */
static bool wait_for_events(const struct server *server)
{
	uint64_t ms = pause_ms(server);
	bool can_open = ms == 0 && !server->problem &&
			(server->n_here < server->options.max_guests || most_silent(server));
	struct pollfd polls[] = {
		{.fd = server->signal_fd, .events = POLLIN},
		{.fd = can_open ? server->listener.fd : -1, .events = POLLIN},
	};
	return poll(polls, 2, ms ? (int)ms : TICK_MS) > 0 && polls[1].revents != 0;
}

static bool is_over(const struct server *server)
{
	const struct options *options = &server->options;
	return server->is_stopped ||
	       (options->exit_after && server->n_gone >= options->exit_after) ||
	       (server->listener.fd < 0 && server->n_here == 0);
}

static bool is_serving(const struct server *server)
{
	for (uint64_t i = 0; i < server->options.max_guests; i++)
		if (server->slots[i].pid != 0 &&
			atomic_load(&server->slots[i].stage) == SLOT_SERVING)
			return true;
	return false;
}

/*
 * No process begins anything more, and what is being served comes to its end, unless its guest holds it in
 * the kernel: then its report stays what it is. Each process is killed when this one has ended, and not
 * before: a thousand that end would keep this one from it, as they have to share locks of the kernel's with
 * it, and processors. They go after everybody else who has something to do.
 */
static void end_guests(struct server *server)
{
	uint64_t end_ms = now_ms() + END_MS;
	atomic_store(&server->common->is_over, true);
	while (is_serving(server) && now_ms() < end_ms)
		poll(NULL, 0, 1);
	reap(server);
	for (uint64_t i = 0; i < server->options.max_guests; i++) {
		struct slot *slot = &server->slots[i];
		if (slot->pid == 0)
			continue;
		const char *event = slot_event(slot);
		setpriority(PRIO_PROCESS, (id_t)slot->pid, SLOT_NICE);
		part(server, slot, event ? event : "parted");
	}
}

static void run(struct server *server)
{
	if (!server->listener.is_listening)
		open_listener(server); /* the guest is here already */
	while (!is_over(server)) {
		bool is_somebody = wait_for_events(server);
		take_signals(server);
		reap(server);
		if (is_somebody && !server->is_stopped)
			open_listener(server);
		tick(server);
		output_flush();
	}
	listener_leave(&server->listener);
	end_guests(server);
	print_refused(server);
	server->accounts.n_held_max = atomic_load(&server->common->n_held_max);
}

int main(int argc, char **argv)
{
	static struct server server = {.signal_fd = -1, .unclosed_fd = -1};
	int result = options_read(&server.options, argc, argv);
	if (result >= 0)
		return result;
	server.accounts.is_json = server.options.is_json;
	result = output_begin(server.options.is_json);
	if (result != 0)
		return result;
	server.slots = slots_create(server.options.max_guests, &server.common);
	if (!server.slots)
		return complain("no memory", 0);
	/* Signals are caught first: one that comes while the listener is opened does not leave it behind. */
	result = catch_signals(&server);
	if (result == 0 && listener_open(&server.listener, &server.options) < 0)
		result = EXIT_FAILED;
	if (result == 0) {
		run(&server);
		accounts_print_summary(&server.accounts);
		if (output_end() != 0 || server.has_failed)
			result = EXIT_FAILED;
	}
	places_destroy(server.slots, server.options.max_guests);
	return result;
}
