/* SPDX-License-Identifier: MIT */

#include "explore/source.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 48 };

static bool names_functions;

void source_name_functions(bool are_named)
{
	names_functions = are_named;
}

/* The program's own load address is that of the first object. */
static int take_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
	(void)size;
	*(uintptr_t *)bias = info->dlpi_addr;
	return 1;
}

static uintptr_t load_bias(void)
{
	uintptr_t bias = 0;
	dl_iterate_phdr(take_bias, &bias);
	return bias;
}

/* ---- The symbol table ------------------------------------------------------------------------ */

static unsigned char *read_program(size_t *size)
{
	FILE *file = fopen("/proc/self/exe", "rb");
	unsigned char *all = NULL;
	long n = -1;
	if (file && fseek(file, 0, SEEK_END) == 0)
		n = ftell(file);
	if (n > (long)sizeof(ElfW(Ehdr)) && fseek(file, 0, SEEK_SET) == 0)
		all = malloc((size_t)n);
	if (all && fread(all, 1, (size_t)n, file) != (size_t)n) {
		free(all);
		all = NULL;
	}
	if (file)
		fclose(file);
	*size = all ? (size_t)n : 0;
	return all;
}

static const ElfW(Shdr) * section_of(const unsigned char *program, size_t size, unsigned i)
{
	const ElfW(Ehdr) *header = (const void *)program;
	const size_t at = header->e_shoff + i * sizeof(ElfW(Shdr));
	if (i >= header->e_shnum || at + sizeof(ElfW(Shdr)) > size)
		return NULL;
	return (const void *)(program + at);
}

/* Not all of them are: what is zeroed at the start, for one. */
static bool is_in_file(const ElfW(Shdr) * section, size_t size)
{
	return section && section->sh_offset <= size &&
	       section->sh_size <= size - section->sh_offset;
}

static void name_by(const unsigned char *program, const ElfW(Shdr) * symbols,
	const ElfW(Shdr) * strings, uintptr_t address, char *line)
{
	const ElfW(Sym) *symbol = (const void *)(program + symbols->sh_offset);
	for (size_t n = symbols->sh_size / sizeof(*symbol); n > 0; n--, symbol++)
		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
			address - symbol->st_value < symbol->st_size)
			snprintf(line, LINE, names_functions ? "%.21s" : "%.14s+%#zx",
				(const char *)program + strings->sh_offset + symbol->st_name,
				(size_t)(address - symbol->st_value));
}

static void name_by_symbols(const uintptr_t *addresses, size_t n, char (*lines)[LINE])
{
	size_t size;
	unsigned char *program = read_program(&size);
	const ElfW(Shdr) * section;
	for (unsigned i = 0; program && (section = section_of(program, size, i)); i++) {
		if (section->sh_type != SHT_SYMTAB || !is_in_file(section, size))
			continue;
		const ElfW(Shdr) *strings = section_of(program, size, section->sh_link);
		for (size_t j = 0; is_in_file(strings, size) && j < n; j++)
			if (!lines[j][0])
				name_by(program, section, strings, addresses[j], lines[j]);
	}
	free(program);
}

/* ---- addr2line ------------------------------------------------------------------------------- */

static void take_line(const char *text, char *line)
{
	const char *name = strrchr(text, '/');
	name = name ? name + 1 : text;
	size_t length = strcspn(name, " \n");
	bool is_source = strstr(name, ".c:") != NULL;
	bool is_unknown = name[0] == '?' || strstr(name, ":?");
	if (is_unknown || (line[0] && !is_source) || strstr(line, ".c:"))
		return;
	snprintf(line, LINE, "%.*s", (int)(length < LINE ? length : LINE - 1), name);
}

/* The innermost: it is the same whatever was inlined. Without the library's prefix, and what a compiler appends. */
static void take_function(const char *text, char *line)
{
	static const char prefix[] = "balloon_";
	if (line[0] || text[0] == '?')
		return;
	if (!strncmp(text, prefix, sizeof(prefix) - 1))
		text += sizeof(prefix) - 1;
	snprintf(line, LINE, "%.*s", (int)strcspn(text, ".\n"), text);
}

/* Each address is printed, then for each that was inlined its function and its line: the innermost first. */
static void take_lines(FILE *pipe, char (*lines)[LINE], size_t n)
{
	char text[1024];
	bool is_function = false;
	size_t i = 0;
	while (fgets(text, sizeof(text), pipe)) {
		bool is_address = !strncmp(text, "0x", 2);
		i += is_address;
		is_function = !is_address && !is_function;
		if (is_address || i == 0 || i > n)
			continue;
		if (is_function == names_functions)
			(is_function ? take_function : take_line)(text, lines[i - 1]);
	}
}

static void name_by_lines(const uintptr_t *addresses, size_t n, char (*lines)[LINE])
{
	enum { OF_ADDRESS = 20 };
	size_t size = 128 + n * OF_ADDRESS;
	char *command = malloc(size);
	if (!command)
		return;
	int at = snprintf(command, size, "addr2line -a -f -i -e /proc/%ld/exe", (long)getpid());
	for (size_t i = 0; i < n; i++)
		at += snprintf(command + at, size - (size_t)at, " %#zx", (size_t)addresses[i]);
	snprintf(command + at, size - (size_t)at, " 2>/dev/null");
	FILE *pipe = popen(command, "r");
	if (pipe) {
		take_lines(pipe, lines, n);
		pclose(pipe);
	}
	free(command);
}

void source_lines(const uintptr_t *addresses, size_t n, char (*lines)[LINE])
{
	uintptr_t bias = load_bias();
	uintptr_t *calls = malloc((n + !n) * sizeof(*calls));
	memset(lines, 0, n * sizeof(*lines));
	if (!calls)
		return;
	for (size_t i = 0; i < n; i++)
		calls[i] = addresses[i] - bias - 1; /* within the call */
	name_by_lines(calls, n, lines);
	name_by_symbols(calls, n, lines);
	free(calls);
}
