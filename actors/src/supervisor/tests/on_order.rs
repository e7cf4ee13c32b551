//! Failures on order, as chaos tests use them.

use super::*;

async fn order(supervisor: &Addr<Supervisor>, child: &str, way: Way) -> Result<(), FailRefused> {
    supervisor.send(Fail { child: child.to_owned(), way }).await.unwrap()
}

#[cfg(not(debug_assertions))]
#[test]
fn a_build_without_debug_assertions_refuses() {
    in_virtual_time(async {
        let mut house = House::new();
        house.child("child");
        let supervisor = house.supervisor.start();
        assert_eq!(order(&supervisor, "child", Way::Panic).await, Err(FailRefused::NotInThisBuild));
    });
}

#[cfg(debug_assertions)]
#[test]
fn each_way_of_failing_is_followed_by_a_new_life() {
    for way in [Way::Panic, Way::Stop, Way::Hang, Way::Flood] {
        in_virtual_time(async {
            let ping_interval = Duration::from_millis(500);
            let mut house = House::with_policy(Policy { flood_limit: 10_000, ping_interval, ..policy() });
            let (child, neighbour) = (house.child("child"), house.child("neighbour"));
            let supervisor = house.supervisor.start();
            assert_eq!(child.send(Count).await, Ok(1));
            assert_eq!(neighbour.send(Count).await, Ok(1));
            order(&supervisor, "child", way).await.unwrap();
            pass(Duration::from_secs(30)).await;
            let expected = [("child", ChildState::Up, 1), ("neighbour", ChildState::Up, 0)];
            assert_eq!(children(&supervisor).await, expected, "{way:?}");
            assert_eq!(child.send(Count).await, Ok(1), "{way:?}");
            assert_eq!(neighbour.send(Count).await, Ok(2), "{way:?}");
        });
    }
}

#[cfg(debug_assertions)]
#[test]
fn what_cannot_fail_is_refused() {
    in_virtual_time(async {
        let mut house = House::new();
        let (child, _) = (house.child("child"), house.child("neighbour"));
        let supervisor = house.supervisor.start();
        let unknown =
            FailRefused::Unknown { child: "nobody".to_owned(), known: "child, neighbour".to_owned() };
        assert_eq!(order(&supervisor, "nobody", Way::Stop).await, Err(unknown));
        child.send(Quit).await.unwrap();
        settle().await;
        let down = FailRefused::Down { child: "child".to_owned() };
        assert_eq!(order(&supervisor, "child", Way::Stop).await, Err(down));
    });
}
