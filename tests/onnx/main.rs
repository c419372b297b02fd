//! ONNX: the project's own tests of its operators, whole models of PyTorch, and hostile files, through the public importer.

#[path = "../formats/allocator.rs"]
mod allocator;
mod hostile;
mod importer;
mod models;
mod operators;
#[path = "../../src/formats/onnx/proto.rs"]
#[allow(dead_code)]
mod proto;
mod real;
mod value;
