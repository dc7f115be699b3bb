/* SPDX-License-Identifier: MIT */
/* SQLite: a database in memory for each of four threads, everything of it in the heap. */

#include "harness.h"

#include <string.h>

#include <balloon/adapters/sqlite.h>

enum { N_THREADS = 4, N_ROUNDS = 2, N_ROWS = 2500, VALUE_MAX = 6000, SHORT = 200, LARGE = 1 << 20 };

static void run_sql(sqlite3 *db, const char *sql)
{
	int result = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (result != SQLITE_OK)
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	CHECK(result == SQLITE_OK);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	CHECK(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
	return statement;
}

/* All rows of a query, by all their columns as text. */
static uint64_t ask(sqlite3 *db, const char *sql, uint64_t sum)
{
	sqlite3_stmt *statement = prepare(db, sql);
	int result;
	while ((result = sqlite3_step(statement)) == SQLITE_ROW)
		for (int column = 0; column < sqlite3_column_count(statement); column++) {
			const void *text = sqlite3_column_blob(statement, column);
			sum = digest(sum, text, (size_t)sqlite3_column_bytes(statement, column));
		}
	CHECK(result == SQLITE_DONE);
	CHECK(sqlite3_finalize(statement) == SQLITE_OK);
	return sum;
}

/* Short values most, some of them pages long; a few are large, and are read as one block each. */
static void bind_value(sqlite3_stmt *statement, int index, uint64_t *random)
{
	char value[VALUE_MAX];
	if (below(random, 500) == 0) {
		CHECK(sqlite3_bind_zeroblob(statement, index, (int)below(random, LARGE)) ==
			SQLITE_OK);
		return;
	}
	uint32_t size = 1 + below(random, below(random, 8) ? SHORT : VALUE_MAX);
	memset(value, (int)('a' + below(random, 26)), size);
	CHECK(sqlite3_bind_text(statement, index, value, (int)size, SQLITE_TRANSIENT) == SQLITE_OK);
}

static void step(sqlite3_stmt *statement)
{
	CHECK(sqlite3_step(statement) == SQLITE_DONE);
	CHECK(sqlite3_reset(statement) == SQLITE_OK);
}

static void insert_rows(sqlite3 *db, uint64_t *random)
{
	sqlite3_stmt *person = prepare(db, "INSERT INTO person(age, name) VALUES (?, ?)");
	sqlite3_stmt *visit = prepare(db, "INSERT INTO visit(person, note) VALUES (?, ?)");
	run_sql(db, "BEGIN");
	for (int i = 0; i < N_ROWS; i++) {
		sqlite3_bind_int(person, 1, (int)below(random, 100));
		bind_value(person, 2, random);
		step(person);
		sqlite3_bind_int(visit, 1, 1 + (int)below(random, N_ROWS));
		bind_value(visit, 2, random);
		step(visit);
	}
	run_sql(db, "COMMIT");
	CHECK(sqlite3_finalize(person) == SQLITE_OK && sqlite3_finalize(visit) == SQLITE_OK);
}

static void update_rows(sqlite3 *db, uint64_t *random)
{
	sqlite3_stmt *update =
		prepare(db, "UPDATE person SET age = age + 1, name = ? WHERE id = ?");
	run_sql(db, "BEGIN");
	for (int i = 0; i < N_ROWS / 2; i++) {
		bind_value(update, 1, random);
		sqlite3_bind_int(update, 2, 1 + (int)below(random, N_ROWS));
		step(update);
	}
	run_sql(db, "COMMIT");
	CHECK(sqlite3_finalize(update) == SQLITE_OK);
	run_sql(db, "DELETE FROM visit WHERE id % 3 = 1");
	run_sql(db,
		"UPDATE visit SET note = note || note WHERE id % 50 = 0 AND length(note) < 5000");
}

static uint64_t check_rows(sqlite3 *db, uint64_t sum)
{
	sum = ask(db,
		"SELECT age, count(*), sum(length(note)), max(name) FROM person JOIN visit"
		" ON visit.person = person.id GROUP BY age ORDER BY 3 DESC, 1",
		sum);
	sum = ask(db, "SELECT note FROM visit ORDER BY note, id", sum);
	return ask(db,
		"SELECT a.id, b.id FROM person a JOIN person b ON a.name = b.name"
		" AND a.id < b.id ORDER BY 1, 2",
		sum);
}

static uint64_t use_database(struct balloon_heap *heap, uint64_t seed)
{
	sqlite3 *db = NULL;
	uint64_t random = seed;
	uint64_t sum = 0;
	const uint64_t ok = digest(0, "ok", 2);
	(void)heap;
	CHECK(sqlite3_open(":memory:", &db) == SQLITE_OK);
	run_sql(db, "PRAGMA temp_store = MEMORY; CREATE TABLE person(id INTEGER PRIMARY KEY, age, "
		    "name);CREATE TABLE visit(id INTEGER PRIMARY KEY, person, note);CREATE INDEX "
		    "visits ON visit(person); CREATE INDEX ages ON person(age)");
	for (int round = 0; round < N_ROUNDS; round++) {
		insert_rows(db, &random);
		update_rows(db, &random);
		sum = check_rows(db, sum);
		run_sql(db, "VACUUM");
		CHECK(ask(db, "PRAGMA integrity_check", 0) == ok);
		sum = ask(db, "SELECT id, age, name FROM person ORDER BY id", sum);
	}
	CHECK(sqlite3_close(db) == SQLITE_OK);
	return sum;
}

/* ---- On a heap, and not ----------------------------------------------------------------------- */

/* What SQLite relies on, beside malloc() and free(). */
static void check_methods(struct balloon_heap *heap)
{
	for (int size = 1; size < 1 << 20; size = size * 2 + 1) {
		int rounded = balloon_sqlite_roundup(size);
		char *block = balloon_sqlite_malloc(rounded);
		CHECK(rounded >= size && balloon_sqlite_size(block) == rounded);
		CHECK((uintptr_t)block % 8 == 0 && balloon_heap_owns(heap, block));
		block = balloon_sqlite_realloc(block, balloon_sqlite_roundup(2 * size));
		CHECK(block && balloon_sqlite_size(block) == balloon_sqlite_roundup(2 * size));
		balloon_sqlite_free(block);
	}
	CHECK(balloon_sqlite_use(heap) == SQLITE_MISUSE); /* while it runs */
}

/* In a heap that has room for 2^31 bytes, what is rounded up to them would be no int. */
static void check_large_sizes(void)
{
	const struct balloon_heap_config config = {
		.strategy = balloon_strategy_find("isolated-bit"), .size_bytes = UINT64_C(4) << 30};
	struct balloon_heap *heap = NULL;
	CHECK(balloon_heap_create(&config, &heap) == 0);
	CHECK(balloon_sqlite_init(heap) == SQLITE_OK);
	CHECK(balloon_heap_good_size(heap, INT_MAX) > INT_MAX);
	CHECK(balloon_sqlite_roundup(INT_MAX) == INT_MAX);
	CHECK(balloon_sqlite_roundup(0x7fffff00) == 0x7fffff00); /* the most that SQLite asks for */
	balloon_sqlite_shutdown(NULL);
	CHECK(balloon_heap_destroy(heap) == 0);
}

static uint64_t work(struct balloon_heap *heap, uint64_t seed)
{
	sqlite3_mem_methods system_methods;
	CHECK(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_methods) == SQLITE_OK);
	if (heap)
		CHECK(balloon_sqlite_use(heap) == SQLITE_OK);
	CHECK(sqlite3_initialize() == SQLITE_OK);
	if (heap)
		check_methods(heap);
	uint64_t sum = in_threads(use_database, N_THREADS, heap, seed);
	CHECK(sqlite3_memory_used() == 0);
	CHECK(sqlite3_shutdown() == SQLITE_OK);
	CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &system_methods) == SQLITE_OK);
	return sum;
}

int main(int argc, char **argv)
{
	check_large_sizes();
	return client_main(argc, argv, "sqlite", work);
}
