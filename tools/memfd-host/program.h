/* SPDX-License-Identifier: MIT */
/*
 * balloon-memfd-host: a host for guests of the memfd channel, as a process.
 *
 * A guest can hold up whoever touches its descriptors: a punch waits for the lock of its file, which the
 * guest may hold for seconds, and closing a file of its choice may never end. Therefore each guest is
 * served by a process of its own, and it is that process alone that ever has a descriptor of the guest's.
 * The first process accepts connections, answers first messages that bring no descriptor, keeps accounts and
 * takes signals; nothing that it does blocks.
 */
#ifndef MEMFD_HOST_PROGRAM_H
#define MEMFD_HOST_PROGRAM_H

#include <stdatomic.h>
#include <sys/types.h>

#include <balloon/memfd-host.h>

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct options {
	const char *socket_path; /* NULL: inherited_fd */
	int inherited_fd;
	uint64_t max_pages;        /* of each guest; 0: no limit */
	uint64_t max_memory_pages; /* of each guest; 0: the library's */
	uint64_t max_guests;       /* at a time */
	uint64_t max_user_guests;  /* of one user, at a time */
	uint64_t hello_timeout_s;  /* how long a guest may be silent at first */
	uint64_t exit_after;       /* guests; 0: never */
	bool is_json;
};

/** Returns -1, or the exit status if there is nothing more to do. */
int options_read(struct options *options, int argc, char **argv);

/* ---- What it says ---------------------------------------------------------------------------- */

/** Standard output or standard error, which may be a pipe that nobody reads. */
enum output_stream { OUTPUT_OUT, OUTPUT_ERR };

/** Before the first line: descriptors 0 to 2 are open, and no write of ours blocks or kills. */
int output_begin(bool is_json);
/** Print a line, whose newline the format has, at the next flush. If too many wait it is lost. */
void output_print(enum output_stream stream, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Write what the streams take now. */
void output_flush(void);
/** Once in a while: try streams again, and say how many lines were lost. */
void output_retry(void);
/** Write the last lines, and wait a little for that. Returns 0, or with what error writing failed. */
int output_end(void);

/** Say on stderr what went wrong, with errno's reason if it is not 0. Returns EXIT_FAILED. */
int complain(const char *what, int error);

/* ---- Where guests come from ------------------------------------------------------------------ */

struct listener {
	int fd;            /* a socket; -1 when nobody can come any more */
	bool is_listening; /* else it is a connected one: a single guest */
	const char *path;  /* where it is bound; NULL: it was inherited */
	dev_t device;      /* of the socket's file at the path, when it was bound */
	ino_t inode;
};

/** Returns 0, or complains and returns -1. */
int listener_open(struct listener *listener, const struct options *options);
/**
 * The next guest's socket; -EAGAIN: nobody; -EMFILE: no descriptors or memory for a guest now; another
 * negative errno: nobody can come any more.
 */
int listener_accept(struct listener *listener);
/** Nobody can come any more. */
void listener_close(struct listener *listener);
/**
 * Take the socket away from its path, if it is ours that is there. It stays open until the process ends:
 * to close it closes what is in messages of guests that nobody has let in, see guest_hang_up().
 */
void listener_leave(struct listener *listener);

/* ---- A guest --------------------------------------------------------------------------------- */

/** What all processes share. */
struct common {
	_Atomic uint64_t n_held; /* pages of all guests together, as their processes add it up */
	_Atomic uint64_t n_held_max;
	_Atomic bool is_over;      /* the host ends: no process begins anything more */
	_Atomic uint64_t n_let_go; /* processes whose socket the first one has closed */
};

/** A guest's accounts, which its process writes and the first process reads at any time. */
struct report {
	struct common *common;
	uint64_t n_counted; /* pages, of the common ones */
	_Atomic uint32_t version;
	struct balloon_memfd_host_stats stats[2]; /* the one that counts: version modulo 2 */
};

struct guest {
	struct balloon_memfd_host *host;
	struct report *report; /* NULL: nobody wants to know */
	int socket_fd;
	int memfd;                          /* -1 before the hello */
	struct balloon_memfd_answer answer; /* not sent yet, if it has bytes */
};

enum guest_result { GUEST_STAYS, GUEST_LEFT, GUEST_DROPPED };

/**
 * A guest that has just come, seen from the first process. Its first message, if it brings no descriptor and
 * so no memory, is answered: the guest is dropped. GUEST_LEFT: it has gone again; GUEST_STAYS: all else, of
 * which nothing was touched.
 */
enum guest_result guest_greet(int socket_fd, const struct options *options, struct report *report);
/**
 * Close the socket of a guest that nobody serves. False: it is still open, since messages wait there with
 * descriptors, or may. Those are closed with it, and to close a file of the guest's choice, as a connection
 * that lingers, can take as long as the guest likes, unless a process closes it by ending.
 */
bool guest_hang_up(int socket_fd);

/** Takes the socket over, if it succeeds. Returns 0 or a negative errno. */
int guest_open(
	struct guest *guest, int socket_fd, const struct options *options, struct report *report);
/** Take what it sent, or send what could not be sent before. */
enum guest_result guest_serve(struct guest *guest);
void guest_close(struct guest *guest);

/** The guest has gone: its pages are nobody's any more. */
void report_end(struct report *report);
/** What it said last. */
void report_read(const struct report *report, struct balloon_memfd_host_stats *stats);

/* ---- Its slot, and its process -------------------------------------------------------------- */

/** The priority of processes that end: after all who have something to do. */
enum { SLOT_NICE = 19 };

enum slot_stage {
	SLOT_NEW,      /* its process begins */
	SLOT_SILENT,   /* nothing has come from the guest */
	SLOT_SERVING,  /* a message is being served */
	SLOT_WAITING,  /* for the next one */
	SLOT_GIVEN_UP, /* it was silent and others waited: its process goes */
	SLOT_LEFT,     /* its process goes, as it has gone */
	SLOT_DROPPED,  /* its process goes, and has hung up on it */
};

/** In memory that the first process shares with the others. What is not marked is the first's. */
struct slot {
	pid_t pid;       /* 0: nobody here */
	uint64_t number; /* in the order of their coming, from 1 */
	uint64_t came_ns;
	uint64_t n_process; /* its process, in the order of their making, from 1 */
	uint64_t n_printed; /* requests, when the last line about it was printed */
	uid_t user;
	_Atomic int stage; /* its process changes it; from SLOT_SILENT both do, by an exchange */
	uint64_t goes_ns;  /* when its process began to end: before the stage tells that it does */
	struct report report; /* the guest's process writes it, as the line before */
};

/** Memory for so many slots, all empty. NULL: no memory. */
struct slot *slots_create(uint64_t n, struct common **common);
void places_destroy(struct slot *slots, uint64_t n);

/** Serve a guest, and end this process, whose parent is the first one. */
_Noreturn void slot_run(
	struct slot *slot, int socket_fd, pid_t first, const struct options *options);
/**
 * For a guest that has no slot: have its socket, so that the first process can close it, and end this
 * process, which is the n-th.
 */
_Noreturn void slot_bury(struct common *common, uint64_t n_process, pid_t first);
/** What has happened: a constant word, or NULL: nothing that would end the process. */
const char *slot_event(const struct slot *slot);
/** Its process begins or ends, and has not done so for long, which a guest may see to. */
bool slot_is_moving(const struct slot *slot);
/** Give up a guest that has said nothing. False: it just did. */
bool slot_give_up(struct slot *slot);

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
	const struct accounts *accounts, const struct slot *slot, const char *event);
/** Add a guest that goes. */
void accounts_add(struct accounts *accounts, const struct slot *slot);
/** The last line. */
void accounts_print_summary(const struct accounts *accounts);

#endif
