/* SPDX-License-Identifier: MIT */
/* A guest's slot, and the process that serves it there. */

#define _GNU_SOURCE 1 /* MAP_ANONYMOUS */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program.h"

enum {
	STATUS_ENDED = 0,
	STATUS_FAILED = 17,
	MOVING_MS = 100,
	MS_PER_S = 1000,
	NS_PER_MS = 1000000
};

/* ---- Shared memory --------------------------------------------------------------------------- */

static size_t size_of(uint64_t n)
{
	return sizeof(struct common) + (size_t)n * sizeof(struct slot);
}

struct slot *slots_create(uint64_t n, struct common **common)
{
	void *memory =
		mmap(NULL, size_of(n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	*common = memory;
	return (struct slot *)(void *)(*common + 1);
}

void places_destroy(struct slot *slots, uint64_t n)
{
	if (slots)
		munmap((struct common *)(void *)slots - 1, size_of(n));
}

/* ---- The guest's process --------------------------------------------------------------------- */

/* It ends with the first process, however that ends, and a terminal's interrupt is that one's. */
static void obey(pid_t first)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != first)
		_exit(STATUS_FAILED);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGINT, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Who reads what the first process says until there is nobody to say more does not wait for this one. */
static void leave_streams(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			close(fd);
	if (null > STDERR_FILENO)
		close(null);
}

/* Wait for the guest's first message. False: it has taken too long. */
static bool is_heard(const struct slot *slot, int socket_fd, uint64_t timeout_s)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = POLLIN};
	uint64_t deadline_ns = slot->came_ns + timeout_s * MS_PER_S * NS_PER_MS;
	int n_ready = 0;
	for (uint64_t now_ns; n_ready <= 0;) {
		now_ns = balloon_platform_now_ns();
		if (now_ns >= deadline_ns)
			break;
		uint64_t left_ms = (deadline_ns - now_ns) / NS_PER_MS + 1;
		n_ready = poll(&poll_fd, 1, (int)left_ms);
	}
	return n_ready > 0;
}

static void go(struct slot *slot, enum guest_result result)
{
	slot->goes_ns = balloon_platform_now_ns();
	atomic_store(&slot->stage, result == GUEST_LEFT ? SLOT_LEFT : SLOT_DROPPED);
}

/*
 * The first process says that the host is over and then looks at the stage; this one says that it is serving
 * and then looks whether the host is over. So the first one, once it has seen this one wait, knows that its
 * report stays as it is. This process ends with the first one.
 */
static enum guest_result serve(struct slot *slot, struct guest *guest, int from)
{
	if (!atomic_compare_exchange_strong(&slot->stage, &from, SLOT_SERVING))
		return GUEST_DROPPED; /* given up */
	bool is_over = atomic_load(&slot->report.common->is_over);
	enum guest_result result = is_over ? GUEST_STAYS : guest_serve(guest);
	if (result == GUEST_STAYS)
		atomic_store(&slot->stage, SLOT_WAITING);
	else
		go(slot, result);
	while (is_over)
		pause();
	return result;
}

/* The last one to close the socket is this process, and by its end, as guest_hang_up() says. */
static _Noreturn void end(struct common *common, uint64_t n_process, int status)
{
	while (atomic_load(&common->n_let_go) < n_process)
		poll(NULL, 0, 1);
	_exit(status);
}

_Noreturn void slot_run(
	struct slot *slot, int socket_fd, pid_t first, const struct options *options)
{
	struct guest guest;
	struct common *common = slot->report.common;
	enum guest_result result = GUEST_DROPPED;
	obey(first);
	leave_streams();
	if (guest_open(&guest, socket_fd, options, &slot->report) < 0)
		end(common, slot->n_process, STATUS_FAILED);
	atomic_store(&slot->stage, SLOT_SILENT);
	if (is_heard(slot, socket_fd, options->hello_timeout_s))
		result = serve(slot, &guest, SLOT_SILENT);
	else
		go(slot, result);
	while (result == GUEST_STAYS) {
		struct pollfd poll_fd = {
			.fd = socket_fd, .events = guest.answer.n_bytes ? POLLOUT : POLLIN};
		if (poll(&poll_fd, 1, -1) > 0)
			result = serve(slot, &guest, SLOT_WAITING);
	}
	report_end(&slot->report);
	/* The guest sees its end now, and to end a process is dear: others have the processor before. */
	shutdown(socket_fd, SHUT_RDWR);
	setpriority(PRIO_PROCESS, 0, SLOT_NICE);
	end(common, slot->n_process, STATUS_ENDED);
}

_Noreturn void slot_bury(struct common *common, uint64_t n_process, pid_t first)
{
	obey(first);
	end(common, n_process, STATUS_ENDED);
}

/* ---- Seen from the first process ------------------------------------------------------------- */

bool slot_is_moving(const struct slot *slot)
{
	int stage = atomic_load(&slot->stage);
	uint64_t since_ns = stage == SLOT_NEW ? slot->came_ns : slot->goes_ns;
	return (stage == SLOT_NEW || stage == SLOT_LEFT || stage == SLOT_DROPPED) &&
	       balloon_platform_now_ns() < since_ns + (uint64_t)MOVING_MS * NS_PER_MS;
}

bool slot_give_up(struct slot *slot)
{
	int silent = SLOT_SILENT;
	if (!atomic_compare_exchange_strong(&slot->stage, &silent, SLOT_GIVEN_UP))
		return false;
	kill(slot->pid, SIGKILL);
	return true;
}

const char *slot_event(const struct slot *slot)
{
	switch (atomic_load(&slot->stage)) {
	case SLOT_LEFT:
		return "left";
	case SLOT_GIVEN_UP:
	case SLOT_DROPPED:
		return "dropped";
	default:
		return NULL;
	}
}
