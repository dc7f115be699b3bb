/* SPDX-License-Identifier: MIT */
/*
 * The kept inputs of a fuzzer, run once each, without the fuzzer: a regression test for every set-up.
 *
 * usage: PROGRAM DIRECTORY...   exit status 1 if there are no inputs
 */

#define _POSIX_C_SOURCE 200809L /* fdopendir(), openat() */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

enum { INPUT_MAX = 1 << 17 };

/* Returns whether it could be read. */
static int replay_file(FILE *file)
{
	static uint8_t room[INPUT_MAX];
	size_t n_bytes = fread(room, 1, sizeof(room), file);
	if (ferror(file) || n_bytes == sizeof(room))
		return 0;
	LLVMFuzzerTestOneInput(room, n_bytes);
	return 1;
}

static int replay_name(DIR *directory, const char *name)
{
	int fd = openat(dirfd(directory), name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");
	if (!file) {
		perror(name);
		return 0;
	}
	int result = replay_file(file);
	fclose(file);
	return result;
}

/* How many inputs there were; 0 if one could not be read. */
static int replay_directory(const char *path)
{
	int n = 0;
	int n_bad = 0;
	const struct dirent *entry;
	DIR *directory = opendir(path);
	if (!directory) {
		perror(path);
		return 0;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		if (replay_name(directory, entry->d_name))
			n++;
		else
			n_bad++;
	}
	closedir(directory);
	return n_bad ? 0 : n;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int n = replay_directory(argv[i]);
		printf("%s: %d inputs\n", argv[i], n);
		if (n == 0)
			return 1;
	}
	return argc > 1 ? 0 : 2;
}
