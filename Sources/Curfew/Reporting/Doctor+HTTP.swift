extension Doctor {
    /// Who is let in over HTTP; nothing where there is no such server.
    func http() -> [Finding] {
        guard let settings = configuration.http else { return [] }
        let doubts = settings.doubts
        guard doubts.isEmpty else {
            return doubts.map { doubt in
                let parts = doubt.message.split(separator: ": ", maxSplits: 1)
                return Finding(
                    "http", .warning, "http.\(doubt.key): \(parts.first ?? "")",
                    advice: parts.count > 1 ? String(parts[1]) : "see “http” in the configuration's reference")
            }
        }
        let count = { (one: Secret?, named: [HTTPSettings.NamedToken]) in (one == nil ? 0 : 1) + named.count }
        let admins = count(settings.adminToken, settings.admins)
        let viewers = count(settings.viewerToken, settings.viewers)
        return [
            Finding(
                "http", .ok,
                "\(settings.host):\(settings.port) lets in \(admins) who may act and \(viewers) who may look")
        ]
    }
}
