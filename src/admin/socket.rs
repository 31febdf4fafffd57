//! The admin socket, beside the store's file where there is one: only root and the user who runs the gateway can open
//! it.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// How long to wait after a connection could not be taken, usually for want of file descriptors.
const BREATH: Duration = Duration::from_secs(1);

/// Where the socket of the gateway with that store is.
pub fn beside(store: &Path) -> PathBuf {
    store.with_extension("sock")
}

/// Why there is no socket: one sentence or two for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another gateway answers there.
    #[error(
        "{0}: a gateway answers there already. Stop it, or give this one a storage.path, or a server.admin_socket, of its own."
    )]
    InUse(PathBuf),
    /// Something else has that name.
    #[error(
        "{0} is in the way: the gateway needs that name for its admin socket. Move it, or name another with server.admin_socket."
    )]
    InTheWay(PathBuf),
    /// The system gives sockets shorter names.
    #[error(
        "{0} is too long for a socket, which may have about 90 bytes. Name a shorter one with server.admin_socket."
    )]
    TooLong(PathBuf),
    /// The system refuses.
    #[error("{0}: the admin socket cannot be made there")]
    Refused(PathBuf, #[source] io::Error),
}

/// A bound socket. Dropped, it takes its file away.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    file: FileId,
    owner: u32,
}

/// Which file it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

impl AdminSocket {
    /// Binds the socket at `path`, in place of one that a dead gateway left there. Called within a runtime.
    ///
    /// # Errors
    /// Any [`SocketError`].
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        // Its name while it is made may fit where its own does not, and then no client could connect.
        std::os::unix::net::SocketAddr::from_pathname(path).map_err(|_| SocketError::TooLong(path.to_owned()))?;
        make_way(path)?;
        let refused = |error: io::Error| {
            if error.kind() == ErrorKind::InvalidInput {
                SocketError::TooLong(path.to_owned())
            } else {
                SocketError::Refused(path.to_owned(), error)
            }
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // A folder for sockets is gone after each start of the machine.
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(refused(error)),
            Ok(()) | Err(_) => {}
        }
        // Made in a folder that the gateway alone can reach, and moved into place once its mode is right: there is no
        // moment at which a stranger could connect.
        let mut builder = tempfile::Builder::new();
        let private = builder.prefix(".sock").permissions(Permissions::from_mode(0o700)).tempdir_in(folder);
        let private = private.map_err(refused)?;
        let unnamed = private.path().join("s");
        let listener = UnixListener::bind(&unnamed).map_err(refused)?;
        fs::set_permissions(&unnamed, Permissions::from_mode(0o600)).map_err(refused)?;
        let metadata = fs::symlink_metadata(&unnamed).map_err(refused)?;
        let file = FileId { device: metadata.dev(), inode: metadata.ino() };
        fs::rename(&unnamed, path).map_err(refused)?;
        // The file is ours, so its owner is who we are.
        Ok(Self { listener, path: path.to_owned(), file, owner: metadata.uid() })
    }

    /// Answers until `stop`, then finishes what is being answered.
    ///
    /// # Errors
    /// The socket stopped by itself.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> io::Result<()> {
        axum::serve(self, router).with_graceful_shutdown(stop.cancelled_owned()).await
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // Another gateway's socket may have the name by now.
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| self.file == FileId { device: found.dev(), inode: found.ino() });
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, "the admin socket's file could not be removed");
        }
    }
}

impl axum::serve::Listener for AdminSocket {
    type Io = UnixStream;
    type Addr = ();

    async fn accept(&mut self) -> (UnixStream, ()) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) if may_operate(peer.uid(), self.owner) => return (stream, ()),
                    // The file's mode has kept them out already; this holds where a file system ignores it.
                    Ok(peer) => {
                        tracing::warn!(uid = peer.uid(), "a user without permission was refused at the admin socket")
                    }
                    Err(error) => tracing::warn!(%error, "a caller of the admin socket could not be told"),
                },
                Err(error) => {
                    tracing::warn!(%error, "the admin socket could not take a connection");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether that user may do anything here: root, or who runs the gateway.
const fn may_operate(uid: u32, owner: u32) -> bool {
    uid == 0 || uid == owner
}

/// Makes sure that whatever is at `path` may be replaced: nothing, or a socket where no process answers.
fn make_way(path: &Path) -> Result<(), SocketError> {
    let refused = |error| SocketError::Refused(path.to_owned(), error);
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(refused)?,
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::InTheWay(path.to_owned()));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[tokio::test]
    async fn only_its_owner_can_open_it_and_it_leaves_no_file_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("bmauth.redb"));
        assert_eq!(path, folder.path().join("bmauth.sock"));
        let socket = AdminSocket::bind(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the private folder is gone");
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_socket_where_a_process_answers_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let socket = AdminSocket::bind(&path).unwrap();
        assert!(matches!(AdminSocket::bind(&path), Err(SocketError::InUse(_))));
        drop(socket);
        AdminSocket::bind(&path).unwrap();
    }

    #[tokio::test]
    async fn the_socket_of_a_dead_gateway_is_replaced_and_not_removed_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        // Its listener is gone and its file is not: what SIGKILL leaves.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = AdminSocket::bind(&path).unwrap();
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        // A successor has the name: the file is its own, not ours to remove.
        fs::remove_file(&path).unwrap();
        let successor = AdminSocket::bind(&path).unwrap();
        drop(socket);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        drop(successor);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(AdminSocket::bind(&path), Err(SocketError::InTheWay(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let long = folder.path().join("x".repeat(120));
        fs::create_dir(&long).unwrap();
        for long in [long.join("s.sock"), folder.path().join("x".repeat(100)).with_extension("sock")] {
            assert!(matches!(AdminSocket::bind(&long), Err(SocketError::TooLong(_))));
        }
    }

    #[test]
    fn only_root_and_the_owner_may_operate() {
        for (uid, owner, may) in [(0, 1000, true), (1000, 1000, true), (1001, 1000, false), (1000, 0, false)] {
            assert_eq!(may_operate(uid, owner), may, "{uid} at {owner}'s");
        }
    }
}
