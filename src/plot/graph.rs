//! Pictures of models.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{GRID, INK};
use crate::error::{Error, Result};
use crate::training::Summary;

/// Width of a box and height of a row, in points.
const BOX: (i32, i32) = (230, 44);
/// From the corner of a box to that of the next one.
const STEP: (i32, i32) = (260, 84);

/// A picture as SVG.
#[derive(Clone, Debug)]
pub struct Picture(String);

impl Picture {
    /// Returns the text of the SVG file.
    pub fn svg(&self) -> &str {
        &self.0
    }

    /// Writes the picture to an SVG file, in a folder that exists.
    ///
    /// # Errors
    /// a file that cannot be written
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        crate::files::write_file(path.as_ref(), self.0.as_bytes())
    }
}

/// A layer in the picture.
struct Node {
    lines: [String; 2],
    from: Vec<usize>,
    row: usize,
    column: usize,
}

/// Draws a model as boxes with the shapes of their outputs, and arrows from each layer to those that take what it gives: a
/// [`Graph`](crate::layers::Graph) with its branches, everything else from top to bottom.
///
/// ```
/// use gradus::prelude::*;
/// let model = Graph::new("image")
///     .add("features", Dense::new(8).activation(Relu), "image")
///     .add("class", Dense::new(3), "features")
///     .add("size", Dense::new(1), "features")
///     .outputs(["class", "size"]);
/// let picture = gradus::plot::graph(&gradus::training::summary(&model, &[&[4]], 0)?)?;
/// assert!(picture.svg().contains("features (Dense)") && picture.svg().contains("(None, 8)"));
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.svg");
/// picture.save(&path)?;
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// a picture that cannot be drawn
/// # Reference
/// Keras' `plot_model` with `show_shapes`
#[doc(alias = "plot_model")]
pub fn graph(summary: &Summary) -> Result<Picture> {
    let nodes = nodes(summary);
    let mut text = String::new();
    draw(&nodes, &mut text).map_err(|error| Error::value(format!("the model cannot be drawn: {error}")))?;
    Ok(Picture(text))
}

/// The layers in their order, and before them what they take from outside.
fn nodes(summary: &Summary) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut widths: Vec<usize> = Vec::new();
    let mut put = |nodes: &mut Vec<Node>, lines: [String; 2], from: Vec<usize>| {
        let row = from.iter().map(|source| nodes[*source].row + 1).max().unwrap_or(0);
        if widths.len() <= row {
            widths.resize(row + 1, 0);
        }
        nodes.push(Node { lines, from, row, column: widths[row] });
        widths[row] += 1;
        nodes.len() - 1
    };
    let mut before: Option<usize> = None;
    for (layer, shape, sources) in summary.boxes() {
        let mut from: Vec<usize> = Vec::new();
        for source in sources {
            // An output of several has the name of its layer, a dot, and its own.
            let known = places.get(source).or_else(|| places.get(source.split('.').next().unwrap_or(source)));
            from.push(match known {
                Some(place) => *place,
                None => put(&mut nodes, [source.to_owned(), "Input".into()], Vec::new()),
            });
            places.entry(source.to_owned()).or_insert(from[from.len() - 1]);
        }
        if from.is_empty() && !layer.ends_with("(Input)") {
            from.push(before.unwrap_or_else(|| put(&mut nodes, ["input".into(), "Input".into()], Vec::new())));
        }
        let place = put(&mut nodes, [layer.to_owned(), shape.to_owned()], from);
        places.insert(layer.split(' ').next().unwrap_or(layer).to_owned(), place);
        before = Some(place);
    }
    nodes
}

fn draw(nodes: &[Node], text: &mut String) -> Result<(), Box<dyn StdError>> {
    let columns = nodes.iter().map(|node| node.column + 1).max().unwrap_or(1) as i32;
    let rows = nodes.iter().map(|node| node.row + 1).max().unwrap_or(1) as i32;
    let mut in_row = vec![0; rows as usize];
    for node in nodes {
        in_row[node.row] += 1;
    }
    // Rows of fewer boxes stand in the middle.
    let corner = |node: &Node| {
        let shift = (columns - in_row[node.row]) * STEP.0 / 2;
        (15 + shift + node.column as i32 * STEP.0, 15 + node.row as i32 * STEP.1)
    };
    let page = SVGBackend::with_string(text, ((columns * STEP.0) as u32, (rows * STEP.1) as u32)).into_drawing_area();
    page.fill(&WHITE)?;
    let middle = ("sans-serif", 13).into_font().color(&INK).pos(Pos::new(HPos::Center, VPos::Center));
    for node in nodes {
        let (x, y) = corner(node);
        for source in &node.from {
            let (from_x, from_y) = corner(&nodes[*source]);
            let (start, end) = ((from_x + BOX.0 / 2, from_y + BOX.1), (x + BOX.0 / 2, y));
            page.draw(&PathElement::new([start, end], INK))?;
            page.draw(&Polygon::new([end, (end.0 - 4, end.1 - 8), (end.0 + 4, end.1 - 8)], INK))?;
        }
    }
    // Above the lines, where one passes behind a box.
    for node in nodes {
        let (x, y) = corner(node);
        let sides = [(x, y), (x + BOX.0, y + BOX.1)];
        page.draw(&Rectangle::new(sides, WHITE.filled()))?;
        page.draw(&Rectangle::new([(x, y), (x + BOX.0, y + BOX.1 / 2)], GRID.filled()))?;
        page.draw(&Rectangle::new(sides, INK))?;
        for (i, line) in node.lines.iter().enumerate() {
            let place = (x + BOX.0 / 2, y + BOX.1 / 4 + i as i32 * BOX.1 / 2);
            page.draw(&Text::new(line.clone(), place, middle.clone()))?;
        }
    }
    page.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{graph, nodes};
    use crate::layers::Concatenate;
    use crate::prelude::*;
    use crate::training::summary;

    #[test]
    fn branches_stand_side_by_side_and_links_go_down() {
        let model = Graph::new(["left", "right"])
            .add("features", Dense::new(4), "left")
            .share("again", "features", "right")
            .add("both", Concatenate::default(), ["features", "again"])
            .outputs("both");
        let summary = summary(&model, &[&[3], &[3]], 0).unwrap();
        let nodes = nodes(&summary);
        let places: Vec<(usize, usize)> = nodes.iter().map(|node| (node.row, node.column)).collect();
        assert_eq!(places, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]);
        let sources: Vec<&[usize]> = nodes.iter().map(|node| &node.from[..]).collect();
        assert_eq!(sources, [&[][..], &[], &[0], &[1], &[2, 3]]);
        let svg = graph(&summary).unwrap();
        assert_eq!(svg.svg().matches("<polygon").count(), 4);
        assert!(svg.svg().contains("both (Concatenate)") && svg.svg().contains("(None, 8)"));
    }

    #[test]
    fn layers_of_a_sequential_follow_each_other() {
        let model = Sequential::new().add(Dense::new(4)).add(Dense::new(2));
        let nodes = nodes(&summary(&model, &[&[3]], 0).unwrap());
        let lines: Vec<&str> = nodes.iter().map(|node| node.lines[0].as_str()).collect();
        assert_eq!(lines, ["input", "dense (Dense)", "dense_1 (Dense)"]);
        assert_eq!(nodes[2].from, [1]);
    }
}
