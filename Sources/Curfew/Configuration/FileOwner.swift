internal import Glibc

/// Who can have written a file.
///
/// A configuration says where secrets of the environment are sent. One that lies in whatever directory a person happens to
/// be in may be anybody's.
struct FileOwner {
    /// The user that it belongs to.
    let owner: UInt32
    /// The user that a link to it belongs to, where it is one.
    let linkOwner: UInt32?
    /// Its permissions.
    let mode: UInt32
    /// Who asks.
    let user: UInt32
    /// Whether its group is that of whoever asks: many systems give everybody a group of his own, and let it write.
    let isOwnGroup: Bool

    /// The facts as they are given.
    init(owner: UInt32, linkOwner: UInt32? = nil, mode: UInt32, user: UInt32, isOwnGroup: Bool = false) {
        (self.owner, self.linkOwner, self.mode, self.user) = (owner, linkOwner, mode, user)
        self.isOwnGroup = isOwnGroup
    }

    /// Looks at an open file, and at the name that it was opened by; nil where that can't be looked at.
    init?(of path: String, _ descriptor: Int32) {
        var file = stat()
        var name = stat()
        guard fstat(descriptor, &file) == 0, lstat(path, &name) == 0 else { return nil }
        let isLink = name.st_mode & S_IFMT == S_IFLNK
        self.init(
            owner: file.st_uid, linkOwner: isLink ? name.st_uid : nil, mode: file.st_mode & 0o7777, user: geteuid(),
            isOwnGroup: file.st_gid == getegid())
    }

    /// Why others may have written it; nil where only the user and root can.
    var doubt: String? {
        for (what, id) in [("belongs to", owner), ("is a link of", linkOwner ?? owner)] where id != user && id != 0 {
            return "\(what) user \(id): expected a file of yours (user \(user)) or of root"
        }
        let octal = String(mode & 0o777, radix: 8)
        if mode & 0o002 != 0 { return "everybody can write it (mode \(octal)): chmod go-w makes it yours alone" }
        if mode & 0o020 != 0, !isOwnGroup {
            return "its group can write it (mode \(octal)): chmod go-w makes it yours alone"
        }
        return nil
    }
}
