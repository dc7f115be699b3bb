/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdarg.h>
#include <string.h>

void text_append(char *text, size_t size, const char *format, ...)
{
	va_list arguments;
	size_t length = strlen(text);
	va_start(arguments, format);
	vsnprintf(text + length, size - length, format, arguments);
	va_end(arguments);
}

void text_put_quoted(const char *text, FILE *file)
{
	putc('"', file);
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			fprintf(file, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(file, "\\u%04x", (unsigned)*text);
		else
			putc(*text, file);
	putc('"', file);
}
