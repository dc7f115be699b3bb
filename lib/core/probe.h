/* SPDX-License-Identifier: MIT */
/*
 * USDT probes: places in the library that bpftrace, perf and SystemTap can look at. docs/probes.md has the table.
 *
 * Where nobody looks a probe is a nop, with its arguments in registers or memory, as they are. Its name and
 * where its arguments are stand in a note of the library. A build without systemtap's header has none.
 */
#ifndef BALLOON_CORE_PROBE_H
#define BALLOON_CORE_PROBE_H

#ifdef BALLOON_PROBES

#ifdef BALLOON_PROBES_COUNTED
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>
#ifdef __clang__ /* of macros of that header */
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

/* The header picks by the number of arguments in GNU C alone. */
#define BALLOON_PROBE_OF(a, b, c, d, e, f, probe, ...) probe
#define BALLOON_PROBE(name, ...)                                                                   \
	BALLOON_PROBE_OF(__VA_ARGS__, STAP_PROBE6, STAP_PROBE5, STAP_PROBE4, STAP_PROBE3,          \
		STAP_PROBE2, STAP_PROBE1, 0)                                                       \
	(balloon, name, __VA_ARGS__)

#else
#define BALLOON_PROBE(name, ...) ((void)0)
#endif

/*
 * What is so short that even keeping arguments for a probe behind it shows: those who look are counted, by
 * themselves, in a word beside the code, and without them the call is the last thing that is done. A file that has
 * such probes defines BALLOON_PROBES_COUNTED, and its probes are all of them such.
 */
#ifdef BALLOON_PROBES
#define BALLOON_PROBE_COUNT(name)                                                                  \
	extern volatile unsigned short balloon_##name##_semaphore                                  \
		__attribute__((visibility("hidden")));                                             \
	volatile unsigned short balloon_##name##_semaphore __attribute__((section(".probes")))
#define BALLOON_RETURN_PROBED(name, call, ...)                                                     \
	do {                                                                                       \
		if (!__builtin_expect(balloon_##name##_semaphore, 0))                              \
			return call;                                                               \
		int probed_result = call;                                                          \
		BALLOON_PROBE(name, __VA_ARGS__, probed_result);                                   \
		return probed_result;                                                              \
	} while (0)
#else
#define BALLOON_PROBE_COUNT(name)              struct balloon_probe_##name
#define BALLOON_RETURN_PROBED(name, call, ...) return call
#endif

#endif
