/* SPDX-License-Identifier: MIT */
/* The options of a command as data: a row says what one is called, what it may be, and where its value goes. */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <balloon/driver.h>

enum { LIST_MAX = 128 };

/** Several values of an option: numbers, or the indexes of names. */
struct list {
	uint32_t at[LIST_MAX];
	size_t n;
};

enum option_kind {
	OPTION_NUMBER,  /* a uint32_t. It may end in K (1024) or M (1024 K) */
	OPTION_NUMBERS, /* a struct list: such numbers, joined by commas */
	OPTION_NAMES, /* a struct list: some of the names, joined by commas; or all; or none, if min is 0 */
	OPTION_SECONDS, /* a double */
	OPTION_FLAG,    /* a bool */
	OPTION_TEXT,    /* a const char * */
};

struct option_row {
	const char *name, *value, *about;
	enum option_kind kind;
	size_t offset; /* of its value in the plan */
	double min, max;
	const char *const *names; /* NULL after the last */
	const char *what;         /* one of the names is called */
	int letter;               /* beside the name; 0: none */
};

/** A command's line: what --help says, and what is parsed. */
struct options {
	/* About: where a row has much more to say, glibc's argp may lose count of columns; a test sees it. */
	const char *command, *arguments, *about, *after;
	const struct option_row *rows;
	size_t n_rows;
	/** Take an argument. NULL: there are none. Returns 0 or the exit status. */
	int (*take)(void *plan, char *argument);
};

/** plan: holds the defaults; strings stay the caller's. Returns COMMAND_LINE_GO_ON, or the exit status. */
int options_read(const struct options *options, int argc, char **argv, void *plan);

/** All of so many names. */
struct list list_all(size_t n);
size_t names_count(const char *const *names);

/** What is built in, by the numbers of balloon_strategy_at() and balloon_driver_design_at(); NULL after the last. */
const char *const *strategy_names(void);
const char *const *driver_names(void);

/** As long as the strategy, or the design, lives. */
const char *strategy_name(const struct balloon_strategy *strategy);
const char *driver_name(const struct balloon_driver_design *design);

#endif
