// Steps through the tables of the page: what it shows it reads from their rows, and it keeps nothing else.
"use strict";
(function () {
	const sections = Array.from(document.querySelectorAll(".finding")).filter(section => section.querySelector("table"));
	const states = { O: "owned", L: "listed", I: "isolated" };
	const views = sections.map(makeView);
	let current = 0;

	function make(name, className, ...children) {
		const element = document.createElement(name);
		element.className = className;
		element.append(...children);
		return element;
	}

	function makeView(section, number) {
		const table = section.querySelector("table");
		const view = {
			section,
			rows: Array.from(table.tBodies[0].rows),
			heads: Array.from(table.tHead.querySelectorAll(".lane")),
			said: make("p", "said"),
			boxes: make("div", "boxes"),
			step: 0,
		};
		const buttons = make("div", "buttons", ...[
			["\u21e4 First", "first"], ["\u21de Switch before", "previousSwitch"], ["\u2191 Back", "previous"],
			["\u2193 Next", "next"], ["\u21df Next switch", "nextSwitch"], ["Last \u21e5", "last"],
		].map(([label, move]) => {
			const button = make("button", move, label);
			button.type = "button";
			button.title = { first: "Home", last: "End", previousSwitch: "Page Up: where a thread before went on",
				nextSwitch: "Page Down: where another thread goes on", next: "Down, j", previous: "Up, k" }[move];
			button.addEventListener("click", () => show(number, moves[move](view)));
			return button;
		}));
		view.said.setAttribute("role", "status");
		view.said.setAttribute("aria-live", "polite");
		view.stage = make("div", "stage", buttons, view.said, view.boxes);
		table.before(view.stage);
		view.rows.forEach((row, step) => row.addEventListener("click", () => {
			if (!String(getSelection()))
				show(number, step);
		}));
		return view;
	}

	// A step whose thread is not that of the step before it, from `step` on in a direction.
	function findSwitch(view, step, direction) {
		const thread = at => view.rows[at] && view.rows[at].dataset.thread;
		for (let at = step + direction; at > 0 && at < view.rows.length; at += direction)
			if (thread(at) !== thread(at - 1))
				return at;
		return direction > 0 ? view.rows.length - 1 : 0;
	}

	const moves = {
		first: () => 0,
		last: view => view.rows.length - 1,
		next: view => view.step + 1,
		previous: view => view.step - 1,
		nextSwitch: view => findSwitch(view, view.step, 1),
		previousSwitch: view => findSwitch(view, view.step, -1),
	};

	function copies(elements) {
		return elements.flatMap(element => [element.cloneNode(true), " "]);
	}

	// Where a thread stands: its last step, and the locks that it holds.
	function threadBox(view, lane) {
		const name = view.heads[lane].querySelector(".thread").textContent;
		const row = view.rows.slice(0, view.step + 1).reverse().find(each => each.dataset.thread === name);
		const isNow = view.step > 0 && row === view.rows[view.step];
		const locks = Array.from(view.rows[view.step].querySelectorAll(".lock"))
			.filter(lock => lock.querySelector(".thread").textContent === name);
		const box = make("div", isNow ? "box now" : "box", ...copies(Array.from(view.heads[lane].children)));
		box.dataset.thread = name;
		box.append(isNow ? " makes this step" : row ? " stopped after" : " has not begun");
		if (row)
			box.append(make("div", "place", ...copies(Array.from(row.querySelectorAll(".lane")[lane].children))));
		box.append(make("div", "holds", "holds ", ...(locks.length ? copies(locks) : [make("span", "none", "no lock")])));
		return box;
	}

	function pageBox(view, number) {
		const pages = at => view.rows[at].querySelectorAll(".page")[number];
		const before = pages(Math.max(view.step - 1, 0)).cloneNode(true);
		const after = pages(view.step).cloneNode(true);
		before.classList.remove("changed");
		const isChanged = after.classList.contains("changed");
		const holder = after.querySelector(".thread");
		const state = states[after.querySelector("b").textContent];
		const box = make("div", isChanged ? "box page-box changed-box" : "box page-box", state ? "page " : "", before, " \u2192 ", after);
		if (state)
			box.append(" ", state, holder ? ", in the hands of " + holder.textContent : ", in nobody\u2019s hands");
		box.dataset.page = String(number);
		return box;
	}

	function sentence(view) {
		const row = view.rows[view.step];
		const last = view.rows.length - 1;
		if (view.step === 0)
			return `Before the first of ${last} steps`;
		const part = name => (row.querySelector(name) || { textContent: "" }).textContent;
		const changes = Array.from(row.querySelectorAll(".page.changed"))
			.map(page => (states[page.querySelector("b").textContent] ? "; page " : "; ") + page.textContent.trim()).join("");
		const broken = view.section.querySelector(".broken");
		return `Step ${view.step} of ${last}: ${row.dataset.thread}, ${part(".call") ? "in " + part(".call") + ", " : ""}${part(".touched")}, ${part(".where")}${changes}`
			+ (view.step === last && broken ? `. Then: ${broken.textContent}` : "");
	}

	function draw(view) {
		view.rows.forEach((row, at) => {
			row.classList.toggle("now", at === view.step);
			row.toggleAttribute("aria-current", at === view.step);
			if (at === view.step)
				row.setAttribute("aria-current", "step");
		});
		view.said.textContent = sentence(view);
		view.boxes.replaceChildren(...view.heads.map((_, lane) => threadBox(view, lane)),
			...Array.from(view.rows[0].querySelectorAll(".page")).map((_, number) => pageBox(view, number)));
		for (const name of ["first", "previous", "previousSwitch"])
			view.stage.querySelector("." + name).disabled = view.step === 0;
		for (const name of ["last", "next", "nextSwitch"])
			view.stage.querySelector("." + name).disabled = view.step === view.rows.length - 1;
	}

	// Below the stage, which stays where it is.
	function reveal(view) {
		const row = view.rows[view.step];
		row.style.scrollMarginTop = view.stage.offsetHeight + 8 + "px";
		row.style.scrollMarginBottom = "4rem";
		row.scrollIntoView({ block: "nearest" });
	}

	function show(number, step) {
		const view = views[number];
		current = number;
		view.step = Math.min(Math.max(step, 0), view.rows.length - 1);
		draw(view);
		reveal(view);
		history.replaceState(null, "", `#finding=${view.section.id.replace("finding-", "")}&step=${view.step}`);
	}

	function showAsked() {
		const asked = new URLSearchParams(location.hash.slice(1));
		const number = views.findIndex(view => view.section.id === "finding-" + asked.get("finding"));
		if (asked.has("step") && views.length)
			show(Math.max(number, 0), parseInt(asked.get("step"), 10) || 0);
	}

	function showFinding(number) {
		if (number < 0 || number >= views.length)
			return;
		show(number, views[number].step);
		views[number].section.scrollIntoView();
	}

	const keys = {
		ArrowDown: "next", ArrowRight: "next", j: "next", ArrowUp: "previous", ArrowLeft: "previous", k: "previous",
		Home: "first", End: "last", PageDown: "nextSwitch", PageUp: "previousSwitch",
	};

	function onKey(event) {
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		const move = keys[event.key];
		if (move)
			show(current, moves[move](views[current]));
		else if (event.key === "n" || event.key === "p")
			showFinding(current + (event.key === "n" ? 1 : -1));
		else
			return;
		event.preventDefault();
	}

	if (!views.length)
		return;
	document.documentElement.classList.add("is-live");
	views.forEach(draw);
	addEventListener("keydown", onKey);
	addEventListener("hashchange", showAsked);
	showAsked();
})();
