/* SPDX-License-Identifier: MIT */
/*
 * Lines for whoever reads them, or does not: a write never waits for a reader.
 *
 * The streams are shared with other processes, so they are not switched to O_NONBLOCK. Each is asked
 * whether it has room. Another process may take that room before us; then a timer interrupts the write,
 * and until the next retry nothing more is written there. A line is written in one piece; what a stream
 * took only a part of goes on with the rest, before anything else.
 */

#define _GNU_SOURCE /* setitimer() */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "program.h"

enum {
	LINE_MAX_BYTES = 1024, /* less than PIPE_BUF: a pipe with room takes all of it */
	WRITE_US = 10000,      /* how long one write may wait */
	LAST_MS = 20,          /* how long the last line may wait */
};

struct output {
	int fd;
	const char *lost_format; /* of a line that says how many lines were lost */
	char rest[LINE_MAX_BYTES];
	size_t n_rest;
	uint64_t n_lost;
	int error;     /* the last one that was none of room */
	bool is_stuck; /* until the next retry */
};

static struct output outputs[] = {
	[OUTPUT_OUT] = {.fd = STDOUT_FILENO, .lost_format = "%" PRIu64 " lines lost\n"},
	[OUTPUT_ERR] = {.fd = STDERR_FILENO,
		.lost_format = "balloon-memfd-host: %" PRIu64 " lines lost\n"},
};

static void be_interrupted(int signal)
{
	(void)signal;
}

int output_begin(bool is_json)
{
	struct sigaction action = {.sa_handler = be_interrupted};
	sigset_t alarm_only;
	/* Otherwise the next socket would be standard output. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return complain("/dev/null", errno);
	if (is_json)
		outputs[OUTPUT_OUT].lost_format = "{\"event\": \"lost\", \"lines\": %" PRIu64 "}\n";
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm_only, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL); /* a file that may not grow is an error of write() */
	return 0;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static ssize_t write_by_timer(int fd, const char *bytes, size_t n_bytes)
{
	/* It repeats: the first may come before the write waits. */
	const struct itimerval on = {{0, WRITE_US}, {0, WRITE_US}};
	const struct itimerval off = {{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &on, NULL);
	ssize_t result = write(fd, bytes, n_bytes);
	int error = errno;
	setitimer(ITIMER_REAL, &off, NULL);
	errno = error;
	return result;
}

/* How many bytes the stream took: 0 if it has no room, or fails. */
static size_t write_some(struct output *output, const char *bytes, size_t n_bytes)
{
	struct pollfd room = {.fd = output->fd, .events = POLLOUT};
	if (output->is_stuck || poll(&room, 1, 0) <= 0)
		return 0;
	ssize_t result = write_by_timer(output->fd, bytes, n_bytes);
	if (result < 0 && errno != EAGAIN && errno != EINTR)
		output->error = errno;
	output->is_stuck = result < (ssize_t)n_bytes;
	return result < 0 ? 0 : (size_t)result;
}

/* Whether the line has been begun: its rest will follow. */
static bool put(struct output *output, const char *line, size_t n_bytes)
{
	size_t n_written = write_some(output, line, n_bytes);
	if (n_written == 0)
		return false;
	output->n_rest = n_bytes - n_written;
	memcpy(output->rest, line + n_written, output->n_rest);
	return true;
}

/* Is there nothing more to be said before the next line? */
static bool catch_up(struct output *output)
{
	char line[64];
	size_t n_written = output->n_rest ? write_some(output, output->rest, output->n_rest) : 0;
	output->n_rest -= n_written;
	memmove(output->rest, output->rest + n_written, output->n_rest);
	if (output->n_rest == 0 && output->n_lost != 0) {
		int n = snprintf(line, sizeof(line), output->lost_format, output->n_lost);
		if (put(output, line, (size_t)n))
			output->n_lost = 0;
	}
	return output->n_rest == 0 && output->n_lost == 0;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

void output_print(enum output_stream stream, const char *format, ...)
{
	static char line[LINE_MAX_BYTES];
	struct output *output = &outputs[stream];
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (n <= 0)
		return;
	size_t n_bytes = (size_t)n;
	if (n_bytes >= sizeof(line)) {
		n_bytes = sizeof(line);
		line[n_bytes - 1] = '\n';
	}
	if (!catch_up(output) || !put(output, line, n_bytes))
		output->n_lost++;
}

void output_retry(void)
{
	for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++) {
		outputs[i].is_stuck = false;
		catch_up(&outputs[i]);
	}
}

int output_end(void)
{
	struct output *out = &outputs[OUTPUT_OUT];
	struct pollfd room = {.fd = out->fd, .events = POLLOUT};
	if (out->n_lost != 0 || out->n_rest != 0) {
		poll(&room, 1, LAST_MS);
		output_retry();
	}
	if (out->n_lost != 0)
		output_print(OUTPUT_ERR,
			"balloon-memfd-host: stdout did not take %" PRIu64 " lines\n", out->n_lost);
	return out->error;
}

int complain(const char *what, int error)
{
	output_print(OUTPUT_ERR, "balloon-memfd-host: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	return EXIT_FAILED;
}
