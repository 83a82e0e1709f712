internal import Glibc

/// Who may have written a file.
///
/// A configuration decides where secrets of the environment are sent, and a file that happens to be in the working
/// directory could be anyone's.
struct FileOwner {
    /// Its owner.
    let owner: UInt32
    /// The owner of the symbolic link to it, if it is one.
    let linkOwner: UInt32?
    /// Its permissions.
    let mode: UInt32
    /// The current user.
    let user: UInt32
    /// Whether its group is the user's own: many systems give every user a group and let it write.
    let isOwnGroup: Bool

    /// Creates it from given facts.
    init(owner: UInt32, linkOwner: UInt32? = nil, mode: UInt32, user: UInt32, isOwnGroup: Bool = false) {
        (self.owner, self.linkOwner, self.mode, self.user) = (owner, linkOwner, mode, user)
        self.isOwnGroup = isOwnGroup
    }

    /// Reads the facts of an open file and of the path that it was opened by; nil if they can't be read.
    init?(of path: String, _ descriptor: Int32) {
        var file = stat()
        var name = stat()
        guard fstat(descriptor, &file) == 0, lstat(path, &name) == 0 else { return nil }
        let isLink = name.st_mode & S_IFMT == S_IFLNK
        self.init(
            owner: file.st_uid, linkOwner: isLink ? name.st_uid : nil, mode: file.st_mode & 0o7777, user: geteuid(),
            isOwnGroup: file.st_gid == getegid())
    }

    /// Why others may have written it; nil if only the user and root can.
    var doubt: String? {
        for (what, id) in [("belongs to", owner), ("is a link owned by", linkOwner ?? owner)]
        where id != user && id != 0 {
            return "\(what) user \(id): expected a file owned by you (user \(user)) or by root"
        }
        let octal = String(mode & 0o777, radix: 8)
        if mode & 0o002 != 0 { return "every user can write it (mode \(octal)): use chmod go-w" }
        if mode & 0o020 != 0, !isOwnGroup {
            return "its group can write it (mode \(octal)): use chmod go-w"
        }
        return nil
    }
}
