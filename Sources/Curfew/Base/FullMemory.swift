internal import RedisClient

/// The error of a server that is out of memory.
///
/// The server refuses a whole call that might use memory, before executing any of it. Calls that only remove or free
/// data are then sent again, to functions that run anyway (`allow-oom`). For all others it is an error of their
/// records, or of the run if nothing can be freed.
enum FullMemory {
    /// The advice for the administrator.
    static let cure = "raise maxmemory or remove data"

    /// The error code.
    static let code = "OOM"

    /// Whether an error has this code.
    static func isMeant(_ error: any Error) -> Bool {
        let redis = CurfewError.redis(behind: error)
        return redis?.server?.code == code
    }

    /// The record error for a change that was refused; `text` is the server's error.
    static func refusal(_ text: String) -> String {
        "\(text.hasSuffix(".") ? String(text.dropLast()) : text): \(cure)"
    }

    /// The same for an error.
    static func refusal(of error: any Error) -> String {
        let redis = CurfewError.redis(behind: error)
        return refusal(redis?.server?.message ?? "\(error)")
    }

    /// Whether a record error has this cause.
    static func isToldBy(_ error: String) -> Bool {
        error.hasPrefix(code + " ") || error.contains(": \(code) ")
    }
}
