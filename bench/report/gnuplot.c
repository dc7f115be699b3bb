/* SPDX-License-Identifier: MIT */
#include "report/gnuplot.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/*
 * What goes in and comes out is in files without a name: none of them is left behind, however this
 * ends, and no pipe can be full on one side while the other one waits.
 */
struct streams {
	FILE *script, *svg, *messages;
};

static int no_file(struct problem *problem)
{
	return problem_set(problem, "no temporary file for gnuplot: %s", strerror(errno));
}

static void streams_close(const struct streams *streams)
{
	FILE *files[] = {streams->script, streams->svg, streams->messages};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		if (files[i])
			fclose(files[i]);
	}
}

static int streams_open(struct streams *streams, const char *script, struct problem *problem)
{
	*streams = (struct streams){tmpfile(), tmpfile(), tmpfile()};
	if (streams->script && streams->svg && streams->messages &&
		fputs(script, streams->script) != EOF && fflush(streams->script) == 0) {
		rewind(streams->script);
		return 0;
	}
	no_file(problem);
	streams_close(streams);
	return -1;
}

/* Returns 0 or an error number. */
static int spawn(const struct streams *streams, pid_t *pid)
{
	/* --default-settings: what the user has set for plots of their own is not for these. */
	char name[] = "gnuplot", option[] = "--default-settings", dash[] = "-";
	char *argv[] = {name, option, dash, NULL};
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);
	if (error)
		return error;
	error = posix_spawn_file_actions_adddup2(&actions, fileno(streams->script), STDIN_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(
			&actions, fileno(streams->svg), STDOUT_FILENO);
	if (!error)
		error = posix_spawn_file_actions_adddup2(
			&actions, fileno(streams->messages), STDERR_FILENO);
	if (!error)
		error = posix_spawnp(pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* gnuplot says where, as "line 3: what", after it repeated the line itself. */
static void find_message(FILE *messages, char *line, int size)
{
	rewind(messages);
	while (fgets(line, size, messages)) {
		line[strcspn(line, "\n")] = '\0';
		if (strstr(line, "line "))
			return;
	}
	snprintf(line, (size_t)size, "it does not say why");
}

static int not_installed(struct problem *problem)
{
	return problem_set(problem, "gnuplot is not installed: nothing can be plotted");
}

static int check_end(const struct streams *streams, int status, struct problem *problem)
{
	char message[256];
	if (WIFSIGNALED(status))
		return problem_set(problem, "gnuplot was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == 0)
		return 0;
	if (WEXITSTATUS(status) == 127) /* where a process is made before its program is found */
		return not_installed(problem);
	find_message(streams->messages, message, sizeof message);
	return problem_set(problem, "gnuplot failed with status %d: %s", WEXITSTATUS(status),
		message + strspn(message, " \t"));
}

static int run(const struct streams *streams, struct problem *problem)
{
	pid_t pid;
	int status;
	int error = spawn(streams, &pid);
	if (error == ENOENT)
		return not_installed(problem);
	if (error)
		return problem_set(problem, "gnuplot cannot be started: %s", strerror(error));
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return problem_set(problem, "gnuplot: %s", strerror(errno));
	}
	return check_end(streams, status, problem);
}

/* Returns what gnuplot drew. */
static char *read_svg(FILE *file, struct problem *problem)
{
	long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
	char *svg = length < 0 ? NULL : malloc((size_t)length + 1);
	if (!svg) {
		problem_no_memory(problem);
		return NULL;
	}
	rewind(file);
	svg[fread(svg, 1, (size_t)length, file)] = '\0';
	if (strstr(svg, "</svg>"))
		return svg;
	problem_set(problem, "gnuplot did not draw a whole plot: no room for temporary files?");
	free(svg);
	return NULL;
}

char *gnuplot_draw(const char *script, struct problem *problem)
{
	struct streams streams;
	char *svg = NULL;
	if (streams_open(&streams, script, problem) < 0)
		return NULL;
	if (run(&streams, problem) == 0)
		svg = read_svg(streams.svg, problem);
	streams_close(&streams);
	return svg;
}

/* doubled: characters that stand for themselves when there are two of them. */
static int quote(const char *text, char *quoted, size_t size, const char *doubled)
{
	size_t length = 0;
	quoted[length++] = '\'';
	for (; *text && length + 4 < size; text++) {
		unsigned char character = (unsigned char)*text;
		if (strchr(doubled, character))
			quoted[length++] = *text;
		quoted[length++] = character < ' ' || character == 0x7f ? '?' : *text;
	}
	quoted[length++] = '\'';
	quoted[length] = '\0';
	return *text ? -1 : 0;
}

int gnuplot_quote(const char *text, char *quoted, size_t size)
{
	return quote(text, quoted, size, "'");
}

int gnuplot_quote_tick(const char *text, char *quoted, size_t size)
{
	return quote(text, quoted, size, "'%");
}
