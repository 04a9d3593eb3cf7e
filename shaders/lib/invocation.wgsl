// Where an invocation stands. A dispatch has at most 65535 workgroups in one dimension; more of them continue in y.
const WORKGROUP = 64u;

fn workgroup_index(workgroup: vec3<u32>, workgroups: vec3<u32>) -> u32 {
  return workgroup.y * workgroups.x + workgroup.x;
}

fn invocation_index(workgroup: vec3<u32>, workgroups: vec3<u32>, local: u32) -> u32 {
  return workgroup_index(workgroup, workgroups) * WORKGROUP + local;
}
