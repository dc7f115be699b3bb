/* SPDX-License-Identifier: MIT */
#include "common/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void progress_show(const char *format, ...)
{
	va_list args;
	if (!isatty(STDERR_FILENO))
		return;
	fputc('\r', stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\033[K", stderr);
}

void progress_hide(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}
