//! openapi.json, asked from outside: what it describes answers, and nothing beside it.

use http::{Method, StatusCode, header};
use serde_json::json;

use super::{Client, refused};
use crate::world::World;

#[tokio::test]
async fn every_described_route_answers_its_methods_and_no_other() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    let description = client.get("/openapi.json").await;
    assert_eq!(description.headers[header::CONTENT_TYPE], "application/json");
    let description = description.json();
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 10);
    for (path, methods) in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let described = methods.get(method.as_str().to_ascii_lowercase());
            let answer = client.call(method.clone(), path, Some(&json!({}))).await;
            let Some(described) = described else {
                refused(&answer, 405, "method-not-allowed");
                let allowed = answer.headers[header::ALLOW].to_str().unwrap();
                assert!(!allowed.contains(method.as_str()), "{path}: {allowed}");
                continue;
            };
            assert!(
                described["responses"].get(answer.status.as_str()).is_some(),
                "{method} {path}: {} is not described",
                answer.status
            );
        }
    }
}

#[tokio::test]
async fn a_route_of_the_description_needs_the_bearer_it_says() {
    let world = World::new().await;
    let mut client = Client::app(&world);
    let description = client.get("/openapi.json").await.json();
    let mut guarded = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            if described["security"] == json!([{ "bearer": [] }]) {
                let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap();
                let answer = client.call(method, path, Some(&json!({}))).await;
                refused(&answer, 401, "unauthenticated-user");
                assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
                guarded += 1;
            }
        }
    }
    assert_eq!(guarded, 5);
    assert_eq!(client.get("/version").await.status, StatusCode::OK);
}
