/* SPDX-License-Identifier: MIT */
/*
 * Lines for whoever reads them, or does not: a write never waits for a reader.
 *
 * The streams are shared with other processes, so they are not switched to O_NONBLOCK. Each is asked
 * whether it has room. Another process may take that room before us; then a timer interrupts the write,
 * and until the next retry nothing more is written there. Lines wait in a buffer until the flush, and
 * what a stream takes only a part of stays there; a line for which the buffer has no room is lost.
 */

#define _GNU_SOURCE 1 /* setitimer() */

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
	BUFFER_BYTES = 4096, /* PIPE_BUF: a pipe that has room takes all of it */
	WRITE_US = 10000,    /* how long one write may wait */
	LAST_MS = 20,        /* how long the last lines may wait */
};

struct output {
	int fd;
	const char *lost_format; /* of a line that says how many lines were lost */
	char bytes[BUFFER_BYTES];
	size_t n_bytes;
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

static void flush(struct output *output)
{
	struct pollfd room = {.fd = output->fd, .events = POLLOUT};
	if (output->n_bytes == 0 || output->is_stuck || poll(&room, 1, 0) <= 0)
		return;
	ssize_t result = write_by_timer(output->fd, output->bytes, output->n_bytes);
	output->is_stuck = result < (ssize_t)output->n_bytes;
	if (result < 0 && errno != EAGAIN && errno != EINTR)
		output->error = errno;
	if (result <= 0)
		return;
	output->n_bytes -= (size_t)result;
	memmove(output->bytes, output->bytes + result, output->n_bytes);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Whether it fits. A line that no buffer could hold is cut. */
static bool append(struct output *output, const char *format, va_list arguments)
{
	size_t room = sizeof(output->bytes) - output->n_bytes;
	char *line = output->bytes + output->n_bytes;
	int n = vsnprintf(line, room, format, arguments);
	if (n < 0 || ((size_t)n >= room && output->n_bytes != 0))
		return false;
	size_t n_bytes = (size_t)n < room ? (size_t)n : room;
	line[n_bytes - 1] = '\n';
	output->n_bytes += n_bytes;
	return true;
}

static bool print(struct output *output, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	bool result = append(output, format, arguments);
	va_end(arguments);
	return result;
}

/* Before anything else is said. */
static bool tell_lost(struct output *output)
{
	if (output->n_lost != 0 && print(output, output->lost_format, output->n_lost))
		output->n_lost = 0;
	return output->n_lost == 0;
}

void output_print(enum output_stream stream, const char *format, ...)
{
	struct output *output = &outputs[stream];
	va_list arguments;
	va_start(arguments, format);
	bool is_in = tell_lost(output) && append(output, format, arguments);
	va_end(arguments);
	if (is_in)
		return;
	flush(output);
	va_start(arguments, format);
	if (!tell_lost(output) || !append(output, format, arguments))
		output->n_lost++;
	va_end(arguments);
}

void output_flush(void)
{
	for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++)
		flush(&outputs[i]);
}

void output_retry(void)
{
	for (size_t i = 0; i < sizeof(outputs) / sizeof(*outputs); i++) {
		outputs[i].is_stuck = false;
		flush(&outputs[i]);
		tell_lost(&outputs[i]);
		flush(&outputs[i]);
	}
}

int output_end(void)
{
	struct output *out = &outputs[OUTPUT_OUT];
	struct pollfd room = {.fd = out->fd, .events = POLLOUT};
	output_flush();
	if (out->n_bytes != 0)
		poll(&room, 1, LAST_MS);
	output_retry();
	if (out->n_bytes == 0 && out->n_lost == 0)
		return 0;
	complain("stdout did not take all lines", out->error);
	return out->error;
}

int complain(const char *what, int error)
{
	output_print(OUTPUT_ERR, "balloon-memfd-host: %s%s%s\n", what, error ? ": " : "",
		error ? strerror(error) : "");
	flush(&outputs[OUTPUT_ERR]);
	return EXIT_FAILED;
}
