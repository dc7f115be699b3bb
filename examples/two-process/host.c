/* SPDX-License-Identifier: MIT */
/* The host: packets in, answers out, and holes in the guest's memory. */

#define _GNU_SOURCE 1 /* fallocate(), seals */

#include "host.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int punch(void *context, uint64_t offset_bytes, uint64_t n_bytes)
{
	const struct host *host = context;
	return fallocate(host->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)offset_bytes, (off_t)n_bytes) < 0
		       ? -errno
		       : 0;
}

/* One packet, and the descriptor that comes with the first. Its length; 0: the guest has gone. */
static size_t receive(struct host *host, void *bytes, size_t room, bool *has_descriptor)
{
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {bytes, room};
	struct msghdr packet = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(host->socket_fd, &packet, MSG_TRUNC | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&packet) : NULL;
	*has_descriptor = header && header->cmsg_type == SCM_RIGHTS &&
			  header->cmsg_len == CMSG_LEN(sizeof(int)) && host->memfd < 0;
	if (*has_descriptor)
		memcpy(&host->memfd, CMSG_DATA(header), sizeof(int));
	return n > 0 && (size_t)n <= room ? (size_t)n : 0;
}

/* What the guest says of its memory is not believed: the host looks for itself. */
static struct balloon_memfd_memory look_at(int memfd)
{
	struct balloon_memfd_memory memory = {0, false};
	struct stat status;
	int seals = fcntl(memfd, F_GET_SEALS);
	if (fstat(memfd, &status) == 0)
		memory.size_bytes = (uint64_t)status.st_size;
	memory.is_sealed = seals >= 0 && (seals & F_SEAL_SHRINK);
	return memory;
}

int be_host(struct host *host)
{
	static unsigned char message[BALLOON_MEMFD_MESSAGE_MAX];
	struct balloon_memfd_host_config config = {.punch = punch, .context = host};
	struct balloon_memfd_host *machine;
	struct balloon_memfd_answer answer;
	bool has_descriptor;
	size_t n;
	int result = balloon_memfd_host_create(&config, &machine);
	while (result == 0 && (n = receive(host, message, sizeof(message), &has_descriptor)) > 0) {
		struct balloon_memfd_memory memory = look_at(host->memfd);
		result = balloon_memfd_host_feed(
			machine, message, n, has_descriptor ? &memory : NULL, &answer);
		balloon_memfd_host_stats(machine, host->stats);
		if (answer.n_bytes > 0 &&
			send(host->socket_fd, answer.bytes, answer.n_bytes, MSG_NOSIGNAL) < 0)
			result = -errno;
	}
	return result == 0 ? 0 : 1;
}
