/* SPDX-License-Identifier: MIT */
/* The memfd channel's life, guest side: introduction and end. */

#define _GNU_SOURCE 1 /* seals */

#include "channels/memfd/guest.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "channels/channel.h"
#include "channels/memfd/wire.h"
#include "platform/quiet.h"

#ifndef F_SEAL_FUTURE_WRITE /* Linux 5.1 */
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static const uint64_t hello_timeout_default_ns = UINT64_C(5000000000);

/* ---- Is this what it should be? -------------------------------------------------------------- */

static bool is_packet_socket(int socket_fd)
{
	int domain, type;
	socklen_t size = sizeof(int);
	return getsockopt(socket_fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       getsockopt(socket_fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX &&
	       type == SOCK_SEQPACKET;
}

static bool has_pages(int memfd, uint64_t n_bytes)
{
	struct stat status;
	return fstat(memfd, &status) == 0 && (uint64_t)status.st_size >= n_bytes;
}

/* What cannot be written to cannot be punched either. */
static bool can_be_punched(int memfd, int seals)
{
	return (fcntl(memfd, F_GETFL) & O_ACCMODE) != O_RDONLY &&
	       !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
}

static int seal(int memfd)
{
	int seals = fcntl(memfd, F_GET_SEALS);
	if (seals == -1)
		return -EINVAL;
	if (!can_be_punched(memfd, seals))
		return -EROFS;
	if (seals & F_SEAL_SHRINK)
		return 0;
	return fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK) == -1 ? -EPERM : 0;
}

/* A file of huge pages gives none of them back in pieces. */
static bool has_small_pages(int memfd, uint32_t page_size)
{
	struct statfs system;
	return fstatfs(memfd, &system) == 0 && ((uint32_t)system.f_type != HUGETLBFS_MAGIC ||
						       page_size % (uint64_t)system.f_bsize == 0);
}

static int check(const struct balloon_memfd_config *config, uint32_t page_size)
{
	uint32_t system_page = (uint32_t)sysconf(_SC_PAGESIZE);
	if (config->n_pages == 0 || page_size % system_page || page_size & (page_size - 1))
		return -EINVAL;
	if (!is_packet_socket(config->socket_fd))
		return -EINVAL;
	int result = seal(config->memfd);
	if (result < 0)
		return result;
	if (!has_small_pages(config->memfd, page_size))
		return -EOPNOTSUPP;
	return has_pages(config->memfd, (uint64_t)config->n_pages * page_size) ? 0 : -EINVAL;
}

/* ---- The introduction ------------------------------------------------------------------------ */

static int send_hello(const struct balloon_memfd_config *config, uint32_t page_size)
{
	unsigned char message[HELLO_BYTES];
	_Alignas(struct cmsghdr) unsigned char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec part = {message, sizeof(message)};
	struct msghdr packet = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	memfd_put_header(message, MEMFD_HELLO, HELLO_BYTES, 0);
	memfd_put(message + HELLO_PAGE_SIZE, 4, page_size);
	memfd_put(message + HELLO_RESERVED, 4, 0);
	memfd_put(message + HELLO_N_PAGES, 8, config->n_pages);
	struct cmsghdr *header = CMSG_FIRSTHDR(&packet);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &config->memfd, sizeof(int));
	return sendmsg(config->socket_fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL) == -1
		       ? balloon_memfd_send_error(errno)
		       : 0;
}

static int await_consent(int socket_fd, uint64_t deadline_ns)
{
	unsigned char bytes[BALLOON_MEMFD_ANSWER_BYTES];
	struct memfd_answer answer;
	int result;
	while ((result = balloon_memfd_receive(socket_fd, bytes, sizeof(bytes))) == -EAGAIN) {
		if (balloon_platform_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		balloon_memfd_sleep(socket_fd, -1, deadline_ns);
	}
	if (result < 0)
		return result;
	if (!balloon_memfd_read_answer(bytes, (size_t)result, &answer) || answer.id != 0 ||
		answer.n_done != 0)
		return -EPROTO;
	return answer.error;
}

static int introduce(const struct balloon_memfd_config *config, uint32_t page_size)
{
	uint64_t timeout_ns =
		config->hello_timeout_ns ? config->hello_timeout_ns : hello_timeout_default_ns;
	uint64_t deadline_ns = time_after(balloon_platform_now_ns(), timeout_ns);
	int result = send_hello(config, page_size);
	return result < 0 ? result : await_consent(config->socket_fd, deadline_ns);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void make(struct balloon_memfd_guest *guest, const struct balloon_memfd_config *config,
	uint32_t page_size)
{
	balloon_channel_init(&guest->channel, &balloon_memfd_ops);
	guest->channel.geometry =
		(struct balloon_geometry){BALLOON_PFN_ANY, config->n_pages, page_size};
	guest->channel.limits.request_ranges = BALLOON_MEMFD_RANGES_MAX;
	guest->socket_fd = config->socket_fd;
	guest->farewell_timeout_ns = config->farewell_timeout_ns ? config->farewell_timeout_ns
								 : BALLOON_MEMFD_FAREWELL_NS;
	balloon_atomic_init(&guest->poller, MEMFD_POLLER_AWAKE, BALLOON_SHARED_MEMFD_POLLER);
}

/* The introduction is last: a host that has consented is one that somebody talks to. */
static int open_guest(struct balloon_memfd_guest *guest, const struct balloon_memfd_config *config,
	uint32_t page_size)
{
	int result = check(config, page_size);
	if (result < 0)
		return result;
	guest->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (guest->wake_fd == -1)
		return -errno;
	result = balloon_birthmark_make(&guest->birthmark);
	if (result == 0) {
		result = introduce(config, page_size);
		if (result < 0)
			balloon_birthmark_end(&guest->birthmark);
	}
	if (result < 0)
		close(guest->wake_fd);
	return result;
}

int balloon_memfd_create(
	const struct balloon_memfd_config *config, struct balloon_channel **channel)
{
	if (!config || !channel)
		return -EINVAL;
	struct balloon_memfd_guest *guest = calloc(1, sizeof(*guest));
	if (!guest)
		return -ENOMEM;
	uint32_t page_size =
		config->page_size ? config->page_size : (uint32_t)sysconf(_SC_PAGESIZE);
	struct quiet quiet = quiet_begin();
	int result = open_guest(guest, config, page_size);
	quiet_end(quiet);
	if (result < 0) {
		free(guest);
		return result;
	}
	make(guest, config, page_size);
	*channel = &guest->channel;
	return 0;
}

int balloon_memfd_destroy(struct balloon_channel *channel)
{
	if (!channel || channel->ops != &balloon_memfd_ops)
		return -EINVAL;
	int result = balloon_channel_fini(channel);
	if (result < 0)
		return result;
	struct balloon_memfd_guest *guest = (struct balloon_memfd_guest *)(void *)channel;
	struct quiet quiet = quiet_begin();
	close(guest->wake_fd);
	balloon_birthmark_end(&guest->birthmark);
	free(guest);
	quiet_end(quiet);
	return 0;
}
