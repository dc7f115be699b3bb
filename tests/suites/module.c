/* SPDX-License-Identifier: MIT */

#define _GNU_SOURCE 1 /* dladdr1() */

#include "module.h"

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static const char path_variable[] = "BALLOON_CONTRACT_MODULE";
static const char symbol_variable[] = "BALLOON_CONTRACT_SYMBOL";

__attribute__((format(printf, 2, 3))) static bool refuse(
	struct module_problem *problem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	return false;
}

/* Bytes of the data that a symbol names; 0 for what is no data. */
static size_t data_bytes(const void *address)
{
	Dl_info info;
	const ElfW(Sym) *symbol = NULL;
	if (!dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol ||
		ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
		return 0;
	return symbol->st_size;
}

/* The layout of the rest depends on the ABI: nothing else is read before. */
static bool is_table(
	const void *address, const char *path, const char *symbol, struct module_problem *problem)
{
	const size_t n_bytes = data_bytes(address);
	uint32_t abi = 0;
	if (n_bytes < sizeof(abi))
		return refuse(problem, "%s: '%s' is not a strategy's table", path, symbol);
	memcpy(&abi, address, sizeof(abi));
	if (abi != BALLOON_STRATEGY_ABI)
		return refuse(problem, "%s: '%s' is a table of ABI %u, this library's is %u", path,
			symbol, (unsigned)abi, BALLOON_STRATEGY_ABI);
	if (n_bytes != sizeof(struct balloon_strategy))
		return refuse(problem, "%s: '%s' is not a strategy's table: %zu bytes, not %zu",
			path, symbol, n_bytes, sizeof(struct balloon_strategy));
	return true;
}

#define ENTRY(name)                                                                                \
	{                                                                                          \
#name, offsetof(struct balloon_strategy, name)                                     \
	}

/* What the library refuses a table without: here by name. */
static const struct {
	const char *name;
	size_t offset;
} required[] = {ENTRY(name), ENTRY(era), ENTRY(device_open), ENTRY(device_close),
	ENTRY(device_stats), ENTRY(insert), ENTRY(dequeue), ENTRY(isolate), ENTRY(putback),
	ENTRY(migrate), ENTRY(finalize), ENTRY(is_candidate), ENTRY(device_of), ENTRY(inspect)};

static bool is_null_at(const struct balloon_strategy *table, size_t offset)
{
	void (*entry)(void);
	memcpy(&entry, (const unsigned char *)table + offset, sizeof(entry));
	return !entry;
}

static bool is_complete(
	const struct balloon_strategy *table, const char *path, struct module_problem *problem)
{
	const struct balloon_memmap_config config = {.strategy = table, .n_pages = 1};
	size_t size_bytes;
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		if (is_null_at(table, required[i].offset))
			return refuse(problem, "%s: the table is incomplete: no '%s'", path,
				required[i].name);
	if (balloon_memmap_size(&config, &size_bytes) < 0)
		return refuse(problem,
			"%s: the library refuses the table of '%s': its name, alignment or sizes "
			"cannot be",
			path, table->name);
	return true;
}

const struct balloon_strategy *module_load(
	const char *path, const char *symbol, struct module_problem *problem)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module) {
		refuse(problem, "%s", dlerror()); /* it names the file */
		return NULL;
	}
	const struct balloon_strategy *table = dlsym(module, symbol);
	if (!table) {
		refuse(problem, "%s: no symbol '%s': see --symbol", path, symbol);
		return NULL;
	}
	return is_table(table, path, symbol, problem) && is_complete(table, path, problem) ? table
											   : NULL;
}

int module_choose(const char *path, const char *symbol)
{
	return setenv(path_variable, path, 1) == 0 ? setenv(symbol_variable, symbol, 1) : -1;
}

void for_each_strategy(void (*claim)(const struct balloon_strategy *))
{
	struct module_problem problem = {"no module was chosen"};
	const char *path = getenv(path_variable);
	const char *symbol = getenv(symbol_variable);
	const struct balloon_strategy *strategy =
		path && symbol ? module_load(path, symbol, &problem) : NULL;
	cr_assert(strategy != NULL, "%s", problem.text);
	hold(strategy, claim);
}
