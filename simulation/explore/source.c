/* SPDX-License-Identifier: MIT */

#include "explore/source.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char program_path[] = "/proc/self/exe";

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
	FILE *file = fopen(program_path, "rb");
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
	const ElfW(Shdr) * strings, uintptr_t address, struct source_place *place)
{
	const ElfW(Sym) *symbol = (const void *)(program + symbols->sh_offset);
	for (size_t n = symbols->sh_size / sizeof(*symbol); n > 0; n--, symbol++)
		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC &&
			address - symbol->st_value < symbol->st_size)
			snprintf(place->name, sizeof(place->name),
				names_functions ? "%.21s" : "%.14s+%#zx",
				(const char *)program + strings->sh_offset + symbol->st_name,
				(size_t)(address - symbol->st_value));
}

static void name_by_symbols(const uintptr_t *addresses, size_t n, struct source_place *places)
{
	size_t size;
	unsigned char *program = read_program(&size);
	const ElfW(Shdr) * section;
	for (unsigned i = 0; program && (section = section_of(program, size, i)); i++) {
		if (section->sh_type != SHT_SYMTAB || !is_in_file(section, size))
			continue;
		const ElfW(Shdr) *strings = section_of(program, size, section->sh_link);
		for (size_t j = 0; is_in_file(strings, size) && j < n; j++)
			if (!places[j].name[0])
				name_by(program, section, strings, addresses[j], &places[j]);
	}
	free(program);
}

/* ---- addr2line ------------------------------------------------------------------------------- */

/* "/path/name.c:213 (discriminator 2)": of inlined code the first that is no header's. */
static void take_line(char *text, struct source_place *place)
{
	text[strcspn(text, " \n")] = '\0';
	const char *slash = strrchr(text, '/');
	const char *name = slash ? slash + 1 : text;
	const char *colon = strrchr(name, ':');
	bool is_source = strstr(name, ".c:") != NULL;
	bool is_unknown = name[0] == '?' || !colon || colon[1] == '?';
	if (is_unknown || (place->name[0] && !is_source) || strstr(place->name, ".c:"))
		return;
	snprintf(place->name, sizeof(place->name), "%.47s", name);
	snprintf(place->path, sizeof(place->path), "%.*s", (int)(colon - text), text);
	place->line = (uint32_t)strtoul(colon + 1, NULL, 10);
}

/* The innermost: it is the same whatever was inlined. Without the library's prefix, and what a compiler appends. */
static void take_function(char *text, struct source_place *place)
{
	static const char prefix[] = "balloon_";
	if (place->name[0] || text[0] == '?')
		return;
	if (!strncmp(text, prefix, sizeof(prefix) - 1))
		text += sizeof(prefix) - 1;
	snprintf(place->name, sizeof(place->name), "%.*s", (int)strcspn(text, ".\n"), text);
}

/* Each address is printed, then for each that was inlined its function and its line: the innermost first. */
static void take_lines(FILE *pipe, struct source_place *places, size_t n)
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
			(is_function ? take_function : take_line)(text, &places[i - 1]);
	}
}

static void name_by_lines(const uintptr_t *addresses, size_t n, struct source_place *places)
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
		take_lines(pipe, places, n);
		pclose(pipe);
	}
	free(command);
}

void source_find(const uintptr_t *addresses, size_t n, struct source_place *places)
{
	uintptr_t bias = load_bias();
	uintptr_t *calls = malloc((n + !n) * sizeof(*calls));
	memset(places, 0, n * sizeof(*places));
	if (!calls)
		return;
	for (size_t i = 0; i < n; i++)
		calls[i] = addresses[i] - bias - 1; /* within the call */
	name_by_lines(calls, n, places);
	name_by_symbols(calls, n, places);
	free(calls);
}

/* ---- The text of a line ---------------------------------------------------------------------- */

/* What was changed since the program was built has other lines. */
static bool is_built_from(const char *path)
{
	struct stat source, program;
	return stat(path, &source) == 0 && stat(program_path, &program) == 0 &&
	       S_ISREG(source.st_mode) && source.st_mtime <= program.st_mtime;
}

/* What does not fit into `text` is read, and left out. */
static bool read_line(FILE *file, char *text, size_t size)
{
	size_t n = 0;
	int c;
	while ((c = getc(file)) != EOF && c != '\n')
		if (n + 1 < size)
			text[n++] = (char)c;
	text[n] = '\0';
	return c != EOF || n > 0;
}

bool source_text(const struct source_place *place, char *text, size_t size)
{
	uint32_t n = 0;
	if (place->line == 0 || !is_built_from(place->path))
		return false;
	FILE *file = fopen(place->path, "r");
	if (!file)
		return false;
	while (n < place->line && read_line(file, text, size))
		n++;
	fclose(file);
	return n == place->line;
}
