//! What the tree itself has to obey: how long a function is, where `unsafe` stands, and that links between documents lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a function, as rustfmt lays it out, from its `fn` to its closing brace.
const LONGEST: usize = 60;

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
