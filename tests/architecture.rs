//! What the tree itself has to obey: that imports run down, how long a function is, where `unsafe` stands, that a private name means
//! one thing, and that links between documents lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a function, as rustfmt lays it out, from its `fn` to its closing brace.
const LONGEST: usize = 60;

/// The floors of the house from the ground up: rooms know those of the floors below them, and nothing of each other on one floor, so that
/// there are no circles. A room is a file or folder of `src/` with all that is in it, unless that has a room of its own.
const FLOORS: &[&[&str]] = &[
    &["error", "float", "random", "sealed"],
    &["buffers", "files", "order"],
    &["kernels"],
    &["tensor"],
    &["config", "preprocessing"],
    &["constraints", "data", "initializers"],
    &["autograd"],
    &["distributed", "formats", "ops", "regularizers"],
    &["activations", "saving"],
    &["losses"],
    &["layers", "metrics", "optimizers"],
    &["calibration", "explain", "fairness", "privacy", "reinforcement", "training/history"],
    &["training/callbacks"],
    &["onnx", "training"],
    &["models", "search"],
    &["kinds"],
    &["model", "plot"],
    &["gradcheck"],
    &["prelude"],
    &["guide", "lib"],
];

/// Files below a folder of the repository with this ending, by their path from its root, in order.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join(folder), ending, &mut found);
    found.sort();
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
    found.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let mut words = line.trim_start().split(' ');
    loop {
        match words.next()? {
            "fn" => break,
            "pub" | "pub(crate)" | "pub(super)" | "const" | "async" | "unsafe" | "extern" | "\"C\"" => {}
            word if word.starts_with("pub(in") || word.ends_with(')') => {}
            _ => return None,
        }
    }
    words.next()?.split(['(', '<']).next()
}

/// Functions with a body: their names, the lines that they begin in, from 1, and their lengths in lines.
fn functions(text: &str) -> Vec<(&str, usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let mut has_begun = false;
        for (last, line) in lines.iter().enumerate().skip(first) {
            if !has_begun && (line.ends_with(';') || line.ends_with('}')) {
                break;
            }
            has_begun |= line.ends_with('{');
            if last > first && line.trim() == "}" && indentation(line) == indentation(lines[first]) {
                found.push((name, first + 1, last - first + 1));
                break;
            }
        }
    }
    found
}

/// The modules along the way to a file: `ops/sum` for `src/ops/sum.rs`, `ops` for `src/ops/mod.rs`.
fn module(path: &str) -> &str {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs");
    path.strip_suffix("/mod").unwrap_or(path)
}

/// The room that a module or an item in it is in, and its floor.
fn room(path: &str) -> Option<(usize, &'static str)> {
    let is_in = |room: &str| path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let rooms = FLOORS.iter().enumerate().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room)));
    rooms.filter(|(_, room)| is_in(room)).max_by_key(|(_, room)| room.len())
}

/// The lines with code that is not there for tests only: what tests a room may look up. Other lines are empty.
fn code(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("#[cfg(test)]") || trimmed.starts_with("#[cfg(all(test,") {
            found.push("");
            let mut is_first = true;
            for item in lines.by_ref() {
                found.push("");
                let ends_at_once = is_first && item.ends_with([';', '}']);
                if ends_at_once || (item.trim() == "}" && indentation(item) == indentation(line)) {
                    break;
                }
                is_first = false;
            }
            continue;
        }
        found.push(if trimmed.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) });
    }
    found
}

/// Reads a tree of paths, such as `a::{b, c::d}`, each after `before`.
fn read_paths(text: &str, before: &str, found: &mut Vec<String>) {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            depth += i32::from(c == '{') - i32::from(c == '}');
            if depth < 0 || (c == ',' && depth == 0) {
                read_paths(&group[start..i], before, found);
                start = i + 1;
            }
            if depth < 0 {
                return;
            }
        }
        return;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let path = match name {
        "" | "self" => before.to_string(),
        "super" => before.rsplit_once('/').map_or("", |(outer, _)| outer).to_string(),
        name if before.is_empty() => name.to_string(),
        name => format!("{before}/{name}"),
    };
    match rest.strip_prefix("::") {
        Some(rest) if !rest.starts_with('<') => read_paths(rest, &path, found),
        _ if name.is_empty() && before.is_empty() => {}
        _ => found.push(path),
    }
}

/// What a file takes from the crate, by `use` or in the middle of code: lines, from 1, and paths such as `ops/sum/Sum`.
fn imports(path: &str, text: &str) -> Vec<(usize, String)> {
    let code = code(text).join("\n");
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            let mut paths = Vec::new();
            match start {
                "crate::" => read_paths(&code[at + start.len()..], "", &mut paths),
                _ => read_paths(&code[at..], module(path), &mut paths),
            }
            found.extend(paths.into_iter().map(|path| (line, path)));
        }
    }
    found
}

#[test]
fn imports_run_down() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (path, text) in files("src", ".rs") {
        let Some((floor, own)) = room(module(&path)) else {
            wrong.push(format!("{path}: is in no room; give it its place in FLOORS"));
            continue;
        };
        if path == "src/lib.rs" || path.ends_with("tests.rs") {
            continue;
        }
        for (line, taken) in imports(&path, &text) {
            count += 1;
            match room(&taken) {
                Some((_, other)) if other == own => {}
                Some((below, _)) if below < floor => {}
                Some((_, other)) => wrong.push(format!("{path}:{line}: `{own}` takes {taken}, which `{other}` has")),
                None => wrong.push(format!("{path}:{line}: {taken} is in no room; name the one that has it")),
            }
        }
    }
    assert!(count > 2000, "only {count} imports were found");
    assert!(wrong.is_empty(), "imports that do not run down the floors:\n{}", wrong.join("\n"));
}

/// One subject a file: the first line says in a sentence what it is.
#[test]
fn every_file_says_its_subject() {
    for (path, text) in files("src", ".rs") {
        let first = text.lines().next().unwrap_or_default();
        let is_sentence = first.starts_with("//! ") || first.starts_with("#![doc");
        assert!(is_sentence, "{path}: begin it with `//! ` and a sentence that says what the file is about");
    }
}

#[test]
fn every_room_is_there() {
    let files = files("src", ".rs");
    for room in FLOORS.iter().copied().flatten() {
        let is_there = files.iter().any(|(path, _)| self::room(module(path)).is_some_and(|(_, own)| own == *room));
        assert!(is_there, "there is no `src/{room}`");
    }
}

#[test]
fn imports_are_found() {
    let text = "\
use super::{Tape, op::standard};
use crate::tensor::{self, Float, inner::{A, B as C}};
// use crate::layers::Layer;
fn sum() -> crate::error::Result<()> { super::super::files::write::<u8>(); Ok(()) } // crate::layers
macro_rules! made { () => { $crate::config::Config } }
#[cfg(test)]
use crate::losses::Loss;
#[cfg(all(test, not(float64)))]
mod tests {
    use crate::layers::Dense;
}
use crate::random::Rng;
";
    let found: Vec<String> =
        imports("src/autograd/var.rs", text).into_iter().map(|(line, path)| format!("{line} {path}")).collect();
    let own = ["1 autograd/Tape", "1 autograd/op/standard", "4 files/write"];
    let others =
        ["2 tensor", "2 tensor/Float", "2 tensor/inner/A", "2 tensor/inner/B", "4 error/Result", "5 config/Config"];
    assert_eq!(found, [&others[..], &["12 random/Rng"], &own].concat());
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut count = 0;
    let mut long = Vec::new();
    for (path, text) in files("src", ".rs") {
        // Files of tests hold tables, which read best in one piece.
        if path.ends_with("tests.rs") {
            continue;
        }
        for (name, line, length) in functions(&text) {
            count += 1;
            if length > LONGEST {
                long.push(format!("{path}:{line}: `{name}` has {length} lines"));
            }
        }
    }
    assert!(count > 3000, "only {count} functions were found");
    assert!(
        long.is_empty(),
        "functions of more than {LONGEST} lines: split them where one thing ends\n{}",
        long.join("\n")
    );
}

#[test]
fn functions_are_found_and_counted() {
    let text = "\
impl A {
    pub(crate) const unsafe fn short<T>(&self) -> usize { 1 }
    fn declared(
        &self,
    ) -> usize;
    pub fn long(
        &self,
    ) -> usize
    where
        Self: Sized,
    {
        if true {
            1
        }
    }
}
fn last() {
}
";
    assert_eq!(functions(text), [("long", 6, 10), ("last", 17, 2)]);
}

/// `unsafe` is written in `src/kernels/`. Elsewhere a public function may hand a kernel's demand on to its caller: it is declared
/// `unsafe`, and holds one call of that kernel.
#[test]
fn unsafe_code_is_in_kernels() {
    let mut wrong = Vec::new();
    let mut in_kernels = 0;
    for (path, text) in files("src", ".rs") {
        for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let Some((_, code)) = line.split_once("unsafe ") else { continue };
            if !["{", "fn ", "impl", "extern", "trait"].iter().any(|start| code.starts_with(start)) {
                continue;
            }
            let is_handed_on = line.trim_start().starts_with("pub unsafe fn ")
                || code.starts_with("{ crate::kernels::") && line.matches(';').count() == 1 && line.ends_with(" };");
            if path.starts_with("src/kernels/") {
                in_kernels += 1;
            } else if !is_handed_on {
                wrong.push(format!("{path}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    assert!(in_kernels > 100, "only {in_kernels} places were found in kernels");
    assert!(wrong.is_empty(), "unsafe code outside of src/kernels/:\n{}", wrong.join("\n"));
}

/// Where the links of a page of Markdown lead, outside of code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // Between backticks there is code: `a[0](x)` is no link.
        for prose in line.split('`').step_by(2) {
            found.extend(prose.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()));
            found.extend(prose.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()));
        }
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.extend(target.split_whitespace().next());
        }
    }
    found
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "[`a[0](x)`](one.md) and `[b](c)` ![d](two.svg \"title\")\n```text\n[e](f)\n```\n[g]: three.md#part\n";
    assert_eq!(links(text), ["one.md", "two.svg", "three.md#part"]);
}

#[test]
fn links_between_documents_lead_to_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = files("docs", ".md");
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md") {
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            pages.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    let mut count = 0;
    let mut broken = Vec::new();
    for (path, text) in &pages {
        for link in links(text) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            if !root.join(path).parent().unwrap().join(target).exists() {
                broken.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(count > 20, "only {count} links were found");
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}
