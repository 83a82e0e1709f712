import TestNeeds
import Testing

@testable import Curfew

@Suite("Who can have written a file", .tags(.pure))
struct FileOwnerTests {
    @Test(
        "only this user and root may have written it",
        arguments: [
            (FileOwner(owner: 1000, mode: 0o644, user: 1000), nil),
            (FileOwner(owner: 0, mode: 0o644, user: 1000), nil),
            (FileOwner(owner: 0, linkOwner: 0, mode: 0o400, user: 1000), nil),
            (FileOwner(owner: 1001, mode: 0o600, user: 1000), "belongs to user 1001"),
            (FileOwner(owner: 1001, mode: 0o600, user: 0), "belongs to user 1001"),
            (FileOwner(owner: 1000, linkOwner: 1001, mode: 0o600, user: 1000), "is a link owned by user 1001"),
            (FileOwner(owner: 1000, mode: 0o646, user: 1000), "every user can write it (mode 646)"),
            (FileOwner(owner: 1000, mode: 0o664, user: 1000, isOwnGroup: true), nil),
            (FileOwner(owner: 0, mode: 0o664, user: 0), "its group can write it (mode 664)"),
        ] as [(FileOwner, String?)])
    func doubt(_ owner: FileOwner, _ doubt: String?) {
        #expect(doubt.map { owner.doubt?.hasPrefix($0) == true } ?? (owner.doubt == nil))
    }
}
