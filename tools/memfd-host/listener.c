/* SPDX-License-Identifier: MIT */
/* Where guests come from: a socket at a path, or one that was inherited. */

#define _GNU_SOURCE 1 /* accept4() */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

enum {
	BACKLOG = 16,
	KIND = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	LOCK_TRIES = 10,
	LOCK_MS = 4, /* between two tries */
};

static int refuse(const char *what, int error)
{
	complain(what, error);
	return -1;
}

/* ---- One host at a time changes what is at the path ------------------------------------------ */

/*
 * A host that starts finds out whether another one listens there, removes what a dead one left, binds and
 * listens. Two that do so at a time would take each other's socket for a dead one's, so each locks a file
 * beside the socket, for so long and no longer: whether a host lives the socket itself says. The file is
 * removed before it is unlocked, and who locks one that is not at its path any more tries another.
 */
struct lock {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path) + sizeof(".lock")];
	int fd;
};

static bool is_at(const char *path, int fd)
{
	struct stat at;
	struct stat open;
	return fstat(fd, &open) == 0 && lstat(path, &at) == 0 && open.st_dev == at.st_dev &&
	       open.st_ino == at.st_ino;
}

/* Returns 0, -EAGAIN: somebody else has it; or another negative errno. */
static int lock_try(struct lock *lock)
{
	int result = -EAGAIN;
	lock->fd = open(lock->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return -errno;
	if (flock(lock->fd, LOCK_EX | LOCK_NB) == 0 && is_at(lock->path, lock->fd))
		return 0;
	close(lock->fd);
	return result;
}

/* Others hold it for a moment only, or hang. */
static int lock_take(struct lock *lock, const char *socket_path)
{
	const struct timespec pause = {0, LOCK_MS * 1000000};
	int result = -EAGAIN;
	snprintf(lock->path, sizeof(lock->path), "%s.lock", socket_path);
	for (int i = 0; i < LOCK_TRIES && result == -EAGAIN; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		result = lock_try(lock);
	}
	return result == -EAGAIN ? -EADDRINUSE : result;
}

static void lock_release(const struct lock *lock)
{
	unlink(lock->path);
	close(lock->fd);
}

/* ---- A socket at a path ---------------------------------------------------------------------- */

/* A host that was killed left its socket: nobody listens there. Nobody listens at other files
 * either, but those are not ours to remove. */
static bool is_abandoned(const struct sockaddr_un *address)
{
	struct stat status;
	int fd = socket(AF_UNIX, KIND, 0);
	bool result = fd >= 0 && lstat(address->sun_path, &status) == 0 &&
		      S_ISSOCK(status.st_mode) &&
		      connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		      errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return result;
}

static int bind_to(int fd, const struct sockaddr_un *address)
{
	const struct sockaddr *any = (const struct sockaddr *)address;
	if (bind(fd, any, sizeof(*address)) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (!is_abandoned(address) || unlink(address->sun_path) < 0) {
		errno = EADDRINUSE;
		return -1;
	}
	return bind(fd, any, sizeof(*address));
}

/* Under the lock. Returns 0 or a negative errno. */
static int bind_and_listen(struct listener *listener, const struct sockaddr_un *address)
{
	struct stat status;
	listener->fd = socket(AF_UNIX, KIND, 0);
	if (listener->fd < 0 || bind_to(listener->fd, address) < 0)
		return -errno;
	int result = listen(listener->fd, BACKLOG) < 0 || lstat(address->sun_path, &status) < 0
			     ? -errno
			     : 0;
	if (result < 0) {
		unlink(address->sun_path);
		return result;
	}
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return 0;
}

static int listen_at(struct listener *listener, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct lock lock;
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return refuse("the path of a socket has 1 to 107 characters", 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	int result = lock_take(&lock, path);
	if (result == 0) {
		result = bind_and_listen(listener, &address);
		lock_release(&lock);
	}
	if (result < 0)
		return refuse(path, -result);
	listener->path = path;
	listener->is_listening = true;
	return 0;
}

/* Somebody may have removed it, and another host may have bound its own since. */
static void remove_own(const struct listener *listener)
{
	struct stat status;
	struct lock lock;
	if (lock_take(&lock, listener->path) < 0)
		return; /* what is left is a dead host's */
	if (lstat(listener->path, &status) == 0 && status.st_dev == listener->device &&
		status.st_ino == listener->inode)
		unlink(listener->path);
	lock_release(&lock);
}

/* ---- A socket that was inherited ------------------------------------------------------------- */

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

static int inherit(struct listener *listener, int fd)
{
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_TYPE) != SOCK_SEQPACKET)
		return refuse("--fd: not a Unix socket of packets", 0);
	bool is_listening = socket_option(fd, SO_ACCEPTCONN) == 1;
	int flags = fcntl(fd, F_GETFL);
	/* Who shares the listener may take the guest that poll() announced. */
	if (flags < 0 || (is_listening && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return refuse("--fd", errno);
	listener->fd = fd;
	listener->is_listening = is_listening;
	return 0;
}

/* ---- Both ------------------------------------------------------------------------------------ */

int listener_open(struct listener *listener, const struct options *options)
{
	*listener = (struct listener){.fd = -1};
	int result = options->socket_path ? listen_at(listener, options->socket_path)
					  : inherit(listener, options->inherited_fd);
	if (result < 0)
		listener_close(listener);
	return result;
}

int listener_accept(struct listener *listener)
{
	int fd = listener->fd;
	if (!listener->is_listening) { /* the guest itself */
		listener->fd = -1;
		return fd;
	}
	int guest = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (guest >= 0)
		return guest;
	switch (errno) {
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case EPERM: /* a security module does not want this one */
		return -EAGAIN;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return -EMFILE;
	default: /* whoever else has the socket has shut it down */
		return -errno;
	}
}

void listener_leave(struct listener *listener)
{
	if (listener->path)
		remove_own(listener);
	listener->path = NULL;
}

void listener_close(struct listener *listener)
{
	listener_leave(listener);
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}
