internal import Policies

/// The names of existing callers: the section `routes`.
///
/// A name means one or several cleanups, which run one after the other.
package struct RouteNames: Sendable, Equatable {
    /// The name of `POST /api/admin/jobs/cleanup`.
    package static let jobs = "cleanup-jobs"
    /// The default job type of `POST /api/jobs/run`.
    package static let all = "cleanup"
    /// The most names.
    private static let most = 100

    /// Name → cleanups, from the file.
    package var names: [String: [String]]

    /// Creates the names from their parts.
    package init(_ names: [String: [String]] = [:]) {
        self.names = names
    }

    /// Reads the section.
    ///
    /// - Parameter cleanups: the names of all cleanups.
    init(_ section: Section, cleanups: [String]) {
        names = [:]
        if section.entries.count > Self.most {
            section.problems.add(
                line: section.line, path: section.path,
                "expected at most \(Self.most) names, found \(section.entries.count)")
        }
        for entry in section.entries.prefix(Self.most) {
            NameRule.check(entry, in: section)
            guard let words = section.texts(entry.key, isRequired: true) else { continue }
            for word in words where !cleanups.contains(word) {
                section.problem(entry.key, section.unknown("cleanup", word, cleanups))
            }
            if Set(words).count < words.count { section.problem(entry.key, "names a cleanup twice") }
            names[entry.key] = words
        }
    }
}

extension Configuration {
    /// The cleanups behind a name, from `routes` or by default; nil if the name is unknown.
    ///
    /// By default, `cleanup-jobs` means every `stuck` cleanup and `cleanup` means every cleanup, of those that are enabled: a cleanup
    /// that is disabled runs only if it is named.
    package func cleanups(behind name: String) -> [Cleanup]? {
        if let words = routes.names[name] { return words.compactMap(cleanup(named:)) }
        switch name {
        case RouteNames.jobs: return cleanups.filter { $0.kind == .stuck && $0.isEnabled }
        case RouteNames.all: return cleanups.filter(\.isEnabled)
        default: return nil
        }
    }

    /// The names that ``cleanups(behind:)`` knows.
    package var routeNames: [String] {
        Set(routes.names.keys).union([RouteNames.jobs, RouteNames.all]).sorted()
    }
}
