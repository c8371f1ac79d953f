//! A workspace as a later version of the program would leave it.

use std::path::Path;

use crate::app::open;
use crate::demo_user::DemoUser;

/// Marks the database as of a layout that no version has yet.
pub async fn make_newer(data_dir: &Path, user: &DemoUser) {
    let app = open(data_dir, user).await.unwrap();
    app.engine()
        .store()
        .write(|tx| {
            tx.pragma_update(None, "user_version", 9_999)
                .expect("the layout's number can be set");
            Ok(())
        })
        .await
        .unwrap();
    app.close(std::time::Duration::from_secs(5)).await;
}
