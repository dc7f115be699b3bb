/* SPDX-License-Identifier: MIT */
/* Lua: two states, each in a thread of its own, run a script that allocates more than it computes. */

#include "harness.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <balloon/adapters/lua.h>

enum { N_THREADS = 2 };

/* No result depends on the order of pairs(), which is another one in each state. */
static const char script[] =
	"local random = ...\n"
	"local function below(n)\n"
	"  random = (random * 1103515245 + 12345) % 2147483648\n"
	"  return random * n // 2147483648\n"
	"end\n"
	"local sum = 0\n"
	"local function count(n) sum = (sum * 31 + n) % 4294967291 end\n"
	"local function strings()\n" /* many, all different, sorted and joined */
	"  local list = {}\n"
	"  for i = 1, 20000 do list[i] = string.rep(string.char(97 + below(26)), below(200)) .. i "
	"end\n"
	"  table.sort(list)\n"
	"  local whole = table.concat(list, ',')\n"
	"  count(#whole)\n"
	"  for word in whole:gmatch('[^,]+') do count(#word) end\n"
	"  count(#whole:gsub('a+', 'bcd'))\n"
	"end\n"
	"local function tree(depth)\n"
	"  if depth == 0 then return {value = below(1000)} end\n"
	"  return {tree(depth - 1), tree(depth - 1), name = 'node' .. depth}\n"
	"end\n"
	"local function weigh(node)\n"
	"  return node.value or weigh(node[1]) * 3 % 1000003 + weigh(node[2])\n"
	"end\n"
	"local function trees() for _ = 1, 2 do count(weigh(tree(14))) end end\n"
	"local function map()\n" /* a table that grows, and is emptied */
	"  local map, n = {}, 0\n"
	"  for i = 1, 100000 do map['key' .. below(50000)] = i end\n"
	"  for _, value in pairs(map) do n = n + value end\n"
	"  count(n)\n"
	"  for key in pairs(map) do map[key] = nil end\n"
	"end\n"
	"local function coroutines()\n"
	"  local list = {}\n"
	"  for i = 1, 3000 do\n"
	"    list[i] = coroutine.wrap(function(a) while true do a = coroutine.yield(a * i) end "
	"end)\n"
	"  end\n"
	"  for i = 1, #list do count(list[i](below(1000))) end\n"
	"end\n"
	"local function doubling()\n"
	"  local text = 'x'\n"
	"  while #text < 6000000 do text = text .. text end\n"
	"  count(#text:upper())\n"
	"end\n"
	"local kept = {}\n"
	"for round = 1, 4 do\n"
	"  strings() trees() map() coroutines() doubling()\n"
	"  kept[round] = tree(13)\n"
	"  if round % 2 == 0 then collectgarbage() end\n"
	"end\n"
	"for round = 1, #kept do count(weigh(kept[round])) end\n"
	"return sum\n";

static uint64_t run_script(struct balloon_heap *heap, uint64_t seed)
{
	lua_State *state = heap ? lua_newstate(balloon_lua_allocate, heap) : luaL_newstate();
	CHECK(state != NULL);
	luaL_openlibs(state);
	bool is_done = luaL_loadstring(state, script) == LUA_OK;
	lua_pushinteger(state, (lua_Integer)seed);
	is_done = is_done && lua_pcall(state, 1, 1, 0) == LUA_OK;
	if (!is_done)
		fprintf(stderr, "lua: %s\n", lua_tostring(state, -1));
	CHECK(is_done);
	uint64_t sum = (uint64_t)lua_tointeger(state, -1);
	lua_close(state);
	return sum;
}

static uint64_t work(struct balloon_heap *heap, uint64_t seed)
{
	return in_threads(run_script, N_THREADS, heap, seed);
}

int main(int argc, char **argv)
{
	return client_main(argc, argv, "lua", work);
}
