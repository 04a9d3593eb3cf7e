// A tensor inside its binding, as in ggml: dimension 0 is fastest.
struct Tensor {
  ne: vec4<u32>, // elements per dimension
  nb: vec4<u32>, // stride per dimension, bytes
  offset: u32, // of element 0 from the start of the binding, bytes
}

// Coordinates of the element with this index in memory order of a contiguous tensor.
fn coordinates(index: u32, ne: vec4<u32>) -> vec4<u32> {
  let i1 = index / ne.x;
  let i2 = i1 / ne.y;
  return vec4<u32>(index % ne.x, i1 % ne.y, i2 % ne.z, i2 / ne.z);
}

// The index of the element at these coordinates.
fn index_of(at: vec4<u32>, ne: vec4<u32>) -> u32 {
  return ((at.w * ne.z + at.z) * ne.y + at.y) * ne.x + at.x;
}

// Byte address of an element in the binding.
fn address(t: Tensor, at: vec4<u32>) -> u32 {
  let steps = at * t.nb;
  return t.offset + steps.x + steps.y + steps.z + steps.w;
}
