use super::*;

#[test]
fn a_child_knows_its_role_and_its_parent_has_none() {
    if let Some(role) = role() {
        return println!("\nrole: {role}");
    }
    let name = "roles::tests::a_child_knows_its_role_and_its_parent_has_none";
    let output = again(name, "a guest").output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("role: a guest\n"), "{said}");
}
