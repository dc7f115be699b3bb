/* SPDX-License-Identifier: MIT */
/*
 * A platform in one file: the contract of <balloon/platform.h>, the four functions that a compiler
 * may call, and an entry point, for Linux without a C library. One thread: nobody waits.
 */

#include <balloon/platform.h>

#include <stddef.h>

#include "stub.h"

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txorl %ebp, %ebp\n\tandq $-16, %rsp\n\tcall stub_start\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tbl stub_start\n");
#endif

_Noreturn void stub_exit(int status)
{
#if defined(__x86_64__)
	__asm__ volatile("syscall" ::"a"(231L), "D"((long)status) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long number __asm__("x8") = 94;
	register long argument __asm__("x0") = status;
	__asm__ volatile("svc #0" ::"r"(number), "r"(argument) : "memory");
#endif
	for (;;)
		balloon_platform_relax();
}

_Noreturn void stub_start(void);
_Noreturn void stub_start(void)
{
	stub_exit(program());
}

void balloon_platform_wait(const uint32_t *word, uint32_t expected)
{
	if (*word == expected)
		stub_exit(STUB_STATUS_DEADLOCK);
}

void balloon_platform_wake(const uint32_t *word, uint32_t n_threads)
{
	(void)word;
	(void)n_threads;
}

/* Time goes on whenever somebody looks. */
uint64_t balloon_platform_now_ns(void)
{
	static uint64_t now_ns;
	return now_ns += 1000;
}

void balloon_platform_wait_until(const uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
	if (deadline_ns == BALLOON_NEVER)
		balloon_platform_wait(word, expected);
	while (*word == expected && balloon_platform_now_ns() < deadline_ns)
		;
}

void *memset(void *memory, int byte, size_t n_bytes);
void *memset(void *memory, int byte, size_t n_bytes)
{
	unsigned char *to = memory;
	while (n_bytes--)
		*to++ = (unsigned char)byte;
	return memory;
}

void *memmove(void *to, const void *from, size_t n_bytes);
void *memmove(void *to, const void *from, size_t n_bytes)
{
	unsigned char *t = to;
	const unsigned char *f = from;
	if (t < f)
		while (n_bytes--)
			*t++ = *f++;
	else
		while (n_bytes--)
			t[n_bytes] = f[n_bytes];
	return to;
}

void *memcpy(void *to, const void *from, size_t n_bytes);
void *memcpy(void *to, const void *from, size_t n_bytes)
{
	return memmove(to, from, n_bytes);
}

int memcmp(const void *a, const void *b, size_t n_bytes);
int memcmp(const void *a, const void *b, size_t n_bytes)
{
	const unsigned char *x = a;
	const unsigned char *y = b;
	for (; n_bytes; n_bytes--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
