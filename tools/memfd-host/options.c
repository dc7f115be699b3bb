/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* getopt_long() */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

static const char help[] =
	"Usage: balloon-memfd-host [OPTION...] --socket PATH\n"
	"       balloon-memfd-host [OPTION...] --fd NUMBER\n"
	"\n"
	"The host of balloons whose memory is a memfd: takes the pages that guests give up out of "
	"their\n"
	"memory, so that the machine has them back, and keeps accounts. Prints a line when a guest "
	"comes,\n"
	"when its balloon has changed (once a second at most) and when it goes, and a summary in "
	"the end.\n"
	"\n"
	"  --socket PATH           listen at PATH, for any number of guests\n"
	"  --fd NUMBER             an inherited Unix socket of packets: a listening one, or a "
	"guest's\n"
	"  --max-pages N           take at most N pages of each guest at a time\n"
	"  --max-memory-pages N    turn guests away whose memory has more pages (268435456)\n"
	"  --max-guests N          serve at most N guests at a time (64); others wait\n"
	"  --max-user-guests N     of one user at most N, but for root and the host's own (3/4 of "
	"all)\n"
	"  --hello-timeout S       hang up on a guest that has said nothing for S seconds (5)\n"
	"  --exit-after N          end when N guests have gone\n"
	"  --json                  print each line as a JSON object\n"
	"  --help                  this text\n"
	"  --version               the version\n"
	"\n"
	"Ends on SIGTERM and SIGINT. Exit status: 0, 1 on failure, 2 on wrong usage.\n";

enum option_number {
	OPTION_SOCKET = 256,
	OPTION_FD,
	OPTION_MAX_PAGES,
	OPTION_MAX_MEMORY_PAGES,
	OPTION_MAX_GUESTS,
	OPTION_MAX_USER_GUESTS,
	OPTION_HELLO_TIMEOUT,
	OPTION_EXIT_AFTER,
	OPTION_JSON,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"fd", required_argument, NULL, OPTION_FD},
	{"max-pages", required_argument, NULL, OPTION_MAX_PAGES},
	{"max-memory-pages", required_argument, NULL, OPTION_MAX_MEMORY_PAGES},
	{"max-guests", required_argument, NULL, OPTION_MAX_GUESTS},
	{"max-user-guests", required_argument, NULL, OPTION_MAX_USER_GUESTS},
	{"hello-timeout", required_argument, NULL, OPTION_HELLO_TIMEOUT},
	{"exit-after", required_argument, NULL, OPTION_EXIT_AFTER},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

enum { GUESTS_MAX = 1024, HELLO_TIMEOUT_MAX_S = 86400 };

static int usage_error(const char *what, const char *argument)
{
	fprintf(stderr, "balloon-memfd-host: %s%s%s\n", what, argument ? ": " : "",
		argument ? argument : "");
	return EXIT_USAGE;
}

/* A number from min to max, and nothing behind it. Returns -1 or EXIT_USAGE. */
static int read_number(uint64_t *number, uint64_t min, uint64_t max)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(optarg, &end, 10);
	if (optarg[0] < '0' || optarg[0] > '9' || *end != '\0' || errno != 0 || value < min ||
		value > max)
		return usage_error("not a number in range", optarg);
	*number = value;
	return -1;
}

static int print_and_end(const char *text)
{
	return fputs(text, stdout) == EOF || fflush(stdout) == EOF ? complain("stdout", errno) : 0;
}

static int take_option(struct options *options, int option)
{
	uint64_t fd = 0;
	int result = -1;
	switch (option) {
	case OPTION_SOCKET:
		options->socket_path = optarg;
		return -1;
	case OPTION_FD:
		result = read_number(&fd, 0, INT32_MAX);
		options->inherited_fd = (int)fd;
		return result;
	case OPTION_MAX_PAGES:
		return read_number(&options->max_pages, 1, UINT64_MAX);
	case OPTION_MAX_MEMORY_PAGES:
		return read_number(&options->max_memory_pages, 1, UINT32_MAX);
	case OPTION_MAX_GUESTS:
		return read_number(&options->max_guests, 1, GUESTS_MAX);
	case OPTION_MAX_USER_GUESTS:
		return read_number(&options->max_user_guests, 1, GUESTS_MAX);
	case OPTION_HELLO_TIMEOUT:
		return read_number(&options->hello_timeout_s, 1, HELLO_TIMEOUT_MAX_S);
	case OPTION_EXIT_AFTER:
		return read_number(&options->exit_after, 1, UINT64_MAX);
	case OPTION_JSON:
		options->is_json = true;
		return -1;
	case OPTION_HELP:
		return print_and_end(help);
	case OPTION_VERSION:
		return print_and_end("balloon-memfd-host " BALLOON_VERSION "\n");
	default:
		return EXIT_USAGE; /* getopt_long() said why */
	}
}

int options_read(struct options *options, int argc, char **argv)
{
	static char name[] = "balloon-memfd-host"; /* as getopt_long() calls us */
	int option;
	*options = (struct options){.inherited_fd = -1, .max_guests = 64, .hello_timeout_s = 5};
	argv[0] = name;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		int result = take_option(options, option);
		if (result >= 0)
			return result;
	}
	if (optind < argc)
		return usage_error("unexpected argument", argv[optind]);
	if ((options->socket_path != NULL) == (options->inherited_fd >= 0))
		return usage_error("either --socket or --fd is needed", NULL);
	if (options->inherited_fd == STDOUT_FILENO || options->inherited_fd == STDERR_FILENO)
		return usage_error("--fd: that is where the lines go", NULL);
	if (options->max_user_guests == 0)
		options->max_user_guests = options->max_guests - options->max_guests / 4;
	return -1;
}
