/* SPDX-License-Identifier: MIT */
/* Where guests come from: a socket at a path, or one that was inherited. */

#define _GNU_SOURCE /* accept4() */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"

enum { BACKLOG = 16, KIND = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK };

/* A host that was killed left its socket behind: nobody listens there. Nobody listens at other files
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

static int refuse(const char *what, int error)
{
	complain(what, error);
	return -1;
}

static int listen_at(struct door *door, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return refuse("the path of a socket has 1 to 107 characters", 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	door->fd = socket(AF_UNIX, KIND, 0);
	if (door->fd < 0 || bind_to(door->fd, &address) < 0)
		return refuse(path, errno);
	door->path = path;
	door->is_listening = true;
	if (listen(door->fd, BACKLOG) < 0)
		return refuse(path, errno);
	return 0;
}

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t size = sizeof(value);
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value;
}

static int inherit(struct door *door, int fd)
{
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX || socket_option(fd, SO_TYPE) != SOCK_SEQPACKET)
		return refuse("--fd: not a Unix socket of packets", 0);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return refuse("--fd", errno);
	door->fd = fd;
	door->is_listening = socket_option(fd, SO_ACCEPTCONN) == 1;
	return 0;
}

int door_open(struct door *door, const struct options *options)
{
	*door = (struct door){.fd = -1};
	int result = options->socket_path ? listen_at(door, options->socket_path)
					  : inherit(door, options->inherited_fd);
	if (result < 0)
		door_close(door);
	return result;
}

int door_accept(struct door *door)
{
	int fd = door->fd;
	if (!door->is_listening) { /* the guest itself */
		door->fd = -1;
		return fd;
	}
	int guest = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (guest >= 0)
		return guest;
	return errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM ? -errno
											 : -EAGAIN;
}

void door_close(struct door *door)
{
	if (door->fd >= 0)
		close(door->fd);
	if (door->path)
		unlink(door->path);
	door->fd = -1;
	door->path = NULL;
}
