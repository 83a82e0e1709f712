internal import Policies

extension FilesPolicy: ConfiguredPolicy {
    static let actions: [Change.Action] = [.delete]
    static let keys = ["since", "orphan", "deleted", "storage", "object", "object-prefix", "refs", "size", "replicas"]

    init?(_ section: Section, status: String) {
        let since = section.start("since", isRequired: section.entry("orphan") != nil)
        let objects = section.objectSources("object")
        let prefixes = section.objectPrefixes("object-prefix")
        let refs = section.objectUses("refs")
        let size = section.text("size", expected: "the name of a field")
        let storage = section.text("storage", isRequired: true, expected: "the name of a storage")
        let orphanSection = section.section("orphan")
        let deletedSection = section.section("deleted")
        let orphan = orphanSection.flatMap(Orphan.init)
        let deleted = deletedSection.flatMap(Deleted.init)
        if section.entry("orphan") == nil, section.entry("deleted") == nil {
            section.problem("orphan", "missing, expected orphan or deleted or both")
        }
        var owners = [status: "status"]
        func claim(_ field: String?, _ key: String, in section: Section?) {
            guard let field, let section else { return }
            if let owner = owners[field] {
                section.problem(key, "\(section.quoted(field, of: key)) is already the field of \(owner)")
            }
            owners[field] = section.path(of: key)
        }
        var sources: Set<String> = []
        for field in objects?.flatMap(\.fields) ?? [] where sources.insert(field).inserted {
            claim(field, "object", in: section)
        }
        if case .field(let field)? = refs { claim(field, "refs", in: section) }
        claim(size, "size", in: section)
        claim(orphan?.unless, "unless", in: orphanSection)
        claim(deleted?.since, "since", in: deletedSection)
        let isSound = Self.isMarkSound(
            orphan, deleted, since: since?.fields ?? [], in: orphanSection, and: deletedSection)
        guard let objects, let storage, isSound, orphan != nil || deleted != nil else { return nil }
        self.init(
            status: status, since: since ?? [], orphan: orphan, deleted: deleted, storage: storage, objects: objects,
            objectPrefixes: prefixes, refs: refs, size: size)
    }

    /// Whether a mark, if there is one, is read by the other rule and doesn't make a file look new.
    private static func isMarkSound(
        _ orphan: Orphan?, _ deleted: Deleted?, since: [String], in section: Section?, and deletedSection: Section?
    ) -> Bool {
        guard let mark = orphan?.mark else { return true }
        guard mark == deleted?.since else {
            let found =
                deleted.map { "found \(deletedSection?.quoted($0.since, of: "since") ?? "") there" }
                ?? "found no such section"
            section?.problem(
                "mark", "expected \(section?.quoted(mark, of: "mark") ?? "") to be deleted.since as well, \(found)")
            return false
        }
        if since.contains(mark) {
            section?.problem("mark", "\(section?.quoted(mark, of: "mark") ?? "") is already one of since")
        }
        return true
    }
}

extension FilesPolicy.Orphan {
    init?(_ section: Section) {
        section.expect(["unless", "after", "mark"])
        let unless = section.text("unless", isRequired: true, expected: "the name of a field")
        let after = section.duration("after")
        let mark = section.text("mark", expected: "the name of a field")
        guard let unless else { return nil }
        self.init(unless: unless, mark: mark)
        if let after { self.after = after }
    }
}

extension FilesPolicy.Deleted {
    init?(_ section: Section) {
        section.expect(["since", "after"])
        let since = section.text("since", isRequired: true, expected: "the name of a field")
        let after = section.duration("after")
        guard let since else { return nil }
        self.init(since: since)
        if let after { self.after = after }
    }
}
