/* SPDX-License-Identifier: MIT */
/* balloon-memfd-host: a host for guests of the memfd channel, as a process. */
#ifndef MEMFD_HOST_PROGRAM_H
#define MEMFD_HOST_PROGRAM_H

#include <balloon/memfd-host.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *socket_path; /* NULL: inherited_fd */
	int inherited_fd;
	uint64_t max_pages;        /* of each guest; 0: no limit */
	uint64_t max_memory_pages; /* of each guest; 0: the library's */
	uint64_t max_guests;       /* at a time */
	uint64_t exit_after;       /* guests; 0: never */
	bool is_json;
};

/** Returns -1, or the exit status if there is nothing more to do. */
int options_read(struct options *options, int argc, char **argv);

/** Say on stderr what went wrong, with errno's reason if it is not 0. Returns EXIT_FAILED. */
int complain(const char *what, int error);

/* ---- Where guests come from ------------------------------------------------------------------ */

struct door {
	int fd;            /* a socket; -1 when nobody can come any more */
	bool is_listening; /* else it is a connected one: a single guest */
	const char *path;  /* to be removed in the end; NULL: none */
};

/** Returns 0, or complains and returns -1. */
int door_open(struct door *door, const struct options *options);
/** The next guest's socket; -EAGAIN: nobody; another negative errno: not now. */
int door_accept(struct door *door);
void door_close(struct door *door);

/* ---- A guest --------------------------------------------------------------------------------- */

struct guest {
	struct balloon_memfd_host *host; /* NULL: nobody here */
	uint64_t number;                 /* in the order of their coming, from 1 */
	int socket_fd;
	int memfd;                          /* -1 before the hello */
	struct balloon_memfd_answer answer; /* not sent yet, if it has bytes */
};

enum guest_result { GUEST_STAYS, GUEST_LEFT, GUEST_DROPPED };

/** Takes the socket over. Returns 0 or a negative errno. */
int guest_open(struct guest *guest, int socket_fd, uint64_t number, const struct options *options);
/** Take what it sent, or send what could not be sent before. */
enum guest_result guest_serve(struct guest *guest);
void guest_close(struct guest *guest);

/* ---- Accounts -------------------------------------------------------------------------------- */

struct accounts {
	bool is_json;
	uint64_t n_guests;
	uint64_t n_dropped;
	uint64_t n_requests; /* of guests that have gone, as the next three */
	uint64_t n_refused;
	uint64_t n_inflated;
	uint64_t n_deflated;
	uint64_t n_held_max; /* of all guests together, at a time */
};

/** One line about a guest. event: a constant word for what happened. */
void accounts_print_guest(
	const struct accounts *accounts, const struct guest *guest, const char *event);
/** Add a guest that goes. */
void accounts_add(struct accounts *accounts, const struct guest *guest);
/** The last line. */
void accounts_print_summary(const struct accounts *accounts);

#endif
