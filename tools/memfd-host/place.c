/* SPDX-License-Identifier: MIT */
/* A guest's place, and the process that serves it there. */

#define _GNU_SOURCE /* MAP_ANONYMOUS */

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
	return sizeof(struct common) + (size_t)n * sizeof(struct place);
}

struct place *places_create(uint64_t n, struct common **common)
{
	void *memory =
		mmap(NULL, size_of(n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	*common = memory;
	return (struct place *)(void *)(*common + 1);
}

void places_destroy(struct place *places, uint64_t n)
{
	if (places)
		munmap((struct common *)(void *)places - 1, size_of(n));
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
static bool is_heard(const struct place *place, int socket_fd, uint64_t timeout_s)
{
	struct pollfd poll_fd = {.fd = socket_fd, .events = POLLIN};
	uint64_t deadline_ns = place->came_ns + timeout_s * MS_PER_S * NS_PER_MS;
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

static void go(struct place *place, enum guest_result result)
{
	place->goes_ns = balloon_platform_now_ns();
	atomic_store(&place->stage, result == GUEST_LEFT ? PLACE_LEFT : PLACE_DROPPED);
}

/*
 * The first process says that the host is over and then looks at the stage; this one says that it is serving
 * and then looks whether the host is over. So the first one, once it has seen this one wait, knows that its
 * report stays as it is. This process ends with the first one.
 */
static enum guest_result serve(struct place *place, struct guest *guest, int from)
{
	if (!atomic_compare_exchange_strong(&place->stage, &from, PLACE_SERVING))
		return GUEST_DROPPED; /* given up */
	bool is_over = atomic_load(&place->report.common->is_over);
	enum guest_result result = is_over ? GUEST_STAYS : guest_serve(guest);
	if (result == GUEST_STAYS)
		atomic_store(&place->stage, PLACE_WAITING);
	else
		go(place, result);
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

_Noreturn void place_run(
	struct place *place, int socket_fd, pid_t first, const struct options *options)
{
	struct guest guest;
	struct common *common = place->report.common;
	enum guest_result result = GUEST_DROPPED;
	obey(first);
	leave_streams();
	if (guest_open(&guest, socket_fd, options, &place->report) < 0)
		end(common, place->n_process, STATUS_FAILED);
	atomic_store(&place->stage, PLACE_SILENT);
	if (is_heard(place, socket_fd, options->hello_timeout_s))
		result = serve(place, &guest, PLACE_SILENT);
	else
		go(place, result);
	while (result == GUEST_STAYS) {
		struct pollfd poll_fd = {
			.fd = socket_fd, .events = guest.answer.n_bytes ? POLLOUT : POLLIN};
		if (poll(&poll_fd, 1, -1) > 0)
			result = serve(place, &guest, PLACE_WAITING);
	}
	report_end(&place->report);
	/* The guest sees its end now, and to end a process is dear: others have the processor before. */
	shutdown(socket_fd, SHUT_RDWR);
	setpriority(PRIO_PROCESS, 0, PLACE_NICE);
	end(common, place->n_process, STATUS_ENDED);
}

_Noreturn void place_bury(struct common *common, uint64_t n_process, pid_t first)
{
	obey(first);
	end(common, n_process, STATUS_ENDED);
}

/* ---- Seen from the first process ------------------------------------------------------------- */

bool place_is_moving(const struct place *place)
{
	int stage = atomic_load(&place->stage);
	uint64_t since_ns = stage == PLACE_NEW ? place->came_ns : place->goes_ns;
	return (stage == PLACE_NEW || stage == PLACE_LEFT || stage == PLACE_DROPPED) &&
	       balloon_platform_now_ns() < since_ns + (uint64_t)MOVING_MS * NS_PER_MS;
}

bool place_give_up(struct place *place)
{
	int silent = PLACE_SILENT;
	if (!atomic_compare_exchange_strong(&place->stage, &silent, PLACE_GIVEN_UP))
		return false;
	kill(place->pid, SIGKILL);
	return true;
}

const char *place_event(const struct place *place)
{
	switch (atomic_load(&place->stage)) {
	case PLACE_LEFT:
		return "left";
	case PLACE_GIVEN_UP:
	case PLACE_DROPPED:
		return "dropped";
	default:
		return NULL;
	}
}
