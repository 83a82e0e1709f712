internal import Foundation

extension Doctor {
    /// Checks object storage: every configured bucket exists, and its key is valid.
    ///
    /// Whether the key may delete objects can't be tested without deleting one.
    func storage() async -> [Finding] {
        var findings: [Finding] = []
        for bucket in configuration.storage {
            let check = "storage \(bucket.name)"
            let start = ContinuousClock.now
            do {
                try await ObjectStorage(bucket).check()
                let time = String(format: "%.0f", start.duration(to: .now) / .milliseconds(1))
                findings.append(Finding(check, .ok, "\(bucket.place) answers in \(time) ms"))
            } catch {
                let isRight = "\(error)".contains("AccessDenied")
                findings.append(
                    Finding(
                        check, isRight ? .warning : .problem, "\(error)",
                        advice: isRight
                            ? "fine if this key may delete but not list; otherwise give it the right to delete objects"
                            : "files are left unchanged until storage answers: check storage.\(bucket.name)"))
            }
        }
        return findings
    }
}
