/// Files without an owner, and files that were deleted softly: claimed, taken out of storage, and then out of Redis.
///
/// A file is claimed by its status, `deleting`, so that a link that comes late fails; a file that was claimed by an
/// earlier run and is still there is deleted by the next. A soft deletion counts before anything else: while its time
/// runs, the file may be restored, owner or not.
package struct FilesPolicy: Policy {
    /// ``PolicyKind/files``.
    package static let kind = PolicyKind.files

    /// The status of a file that is being deleted.
    package static let claimed = "deleting"

    /// Which files have no owner.
    package struct Orphan: Sendable, Equatable {
        /// The field that names the owner; empty or absent where there is none.
        package var unless: String
        /// How long a file may be without.
        package var after: Duration
        /// The field that marks a soft deletion; nil: an orphan is deleted at once.
        package var mark: String?

        /// Makes it.
        package init(unless: String, after: Duration = .seconds(86_400), mark: String? = nil) {
            self.unless = unless
            self.after = after
            self.mark = mark
        }
    }

    /// Which files were deleted softly.
    package struct Deleted: Sendable, Equatable {
        /// The field that says when.
        package var since: String
        /// How long they can still be restored.
        package var after: Duration

        /// Makes it.
        package init(since: String, after: Duration = .seconds(7 * 86_400)) {
            self.since = since
            self.after = after
        }
    }

    let status: String
    /// What a record's age counts from.
    package let since: Start
    /// Which files have no owner; nil: nobody looks.
    package let orphan: Orphan?
    /// Which files were deleted softly; nil: nobody looks.
    package let deleted: Deleted?
    /// The name of the storage that the objects are in.
    package let storage: String
    /// Where the keys of a record's objects come from: the first is required, others only count where their fields are there.
    package let objects: [ObjectSource]
    /// What the keys of a record's objects begin with, one of these; empty: with anything.
    package let objectPrefixes: [KeyTemplate]
    /// How many use the objects of a record; nil: nobody else does.
    package let refs: ObjectUses?
    /// The field that holds the object's size in bytes.
    package let size: String?
    /// Everything that is looked at or written, each once.
    package let fields: [String]
    /// Replaces the times of both rules for one run; nil leaves them.
    package var timeoutOverride: Duration?
    /// How the times of its records are read.
    package var times = TimeReading()

    /// Makes the policy from what the configuration says; the defaults are those of a key left out.
    ///
    /// Where an orphan is only marked, `deleted` is there and looks at that mark.
    package init(
        status: String = "status", since: Start = [], orphan: Orphan? = nil, deleted: Deleted? = nil,
        storage: String, objects: [ObjectSource], objectPrefixes: [KeyTemplate] = [], refs: ObjectUses? = nil,
        size: String? = nil,
        timeoutOverride: Duration? = nil
    ) {
        precondition(orphan != nil || deleted != nil, "a policy without a rule would watch every file for nothing")
        precondition(!objects.isEmpty, "a file without an object would be a record like any other")
        precondition(orphan?.mark == nil || orphan?.mark == deleted?.since, "a mark that nobody looks at does nothing")
        self.status = status
        self.since = since
        self.orphan = orphan
        self.deleted = deleted
        self.storage = storage
        self.objects = objects
        self.objectPrefixes = objectPrefixes
        self.refs = refs
        self.size = size
        self.timeoutOverride = timeoutOverride
        let times = (orphan == nil ? [] : since.fields) + [deleted?.since].compactMap { $0 }
        let keys = objects.flatMap(\.fields) + objectPrefixes.flatMap(\.fields)
        fields = unique(
            [status] + times + [orphan?.unless].compactMap { $0 } + keys + (refs?.fields ?? [])
                + [size].compactMap { $0 })
    }

    /// The fields of the record that a change may write.
    package var writtenFields: [String] { unique([status] + [orphan?.mark].compactMap { $0 }) }

    /// The longer of the two times, or the override.
    package var longestTimeout: Duration {
        timeoutOverride ?? max(orphan?.after ?? .zero, deleted?.after ?? .zero)
    }

    /// The shorter of those that there are, or the override.
    package var shortestTimeout: Duration {
        timeoutOverride ?? [orphan?.after, deleted?.after].compactMap(\.self).min() ?? .zero
    }
}

/// What it looks at beside its records, and how these are counted.
extension FilesPolicy {
    /// What it does, in words.
    package var meaning: String {
        let orphans = orphan.map { orphan in
            (orphan.mark == nil ? "deletes" : "marks") + " files without an owner after "
                + (timeoutOverride ?? orphan.after).text
        }
        let soft = deleted.map { "deletes those deleted softly after \((timeoutOverride ?? $0.after).text)" }
        return [orphans, soft].compactMap(\.self).joined(separator: ", ")
    }

    /// They are removed, with their objects.
    package var removesRecords: Bool { true }

    /// What counts the uses of an object.
    package var reads: [KeyUse] {
        guard case .key(let template)? = refs else { return [] }
        let commands = ["TYPE", "GET", "LLEN", "SCARD", "ZCARD", "HLEN", "XLEN"].map { [$0] }
        return [KeyUse(.refs, template, commands, isGuard: true)]
    }

    /// How its records are counted.
    package var filing: Filing? { Filing(size: size, deletedSince: deleted?.since, claimed: Self.claimed) }
}
