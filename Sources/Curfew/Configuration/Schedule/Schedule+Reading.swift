extension Schedule {
    /// Reads `every`, or `cron` and `timezone`; nil if they have a problem.
    init?(_ section: Section) {
        let every = section.duration("every", atLeast: .seconds(1))
        let timezone = Self.timezone(section)
        let expression = Self.expression(section)
        switch (section.has("every"), section.has("cron")) {
        case (true, true):
            section.problem("cron", "can't be used together with every")
            return nil
        case (false, false):
            section.problem("every", "missing, expected every or cron")
            return nil
        case (true, false):
            if section.has("timezone") { section.problem("timezone", "is only used with cron, not with every") }
            guard let every else { return nil }
            self = .every(every)
        case (false, true):
            guard let expression, let timezone else { return nil }
            self = .cron(expression, timezone: timezone)
        }
    }

    private static func expression(_ section: Section) -> CronExpression? {
        guard let scalar = section.scalar("cron", expected: "a cron expression like 0 4 * * *") else { return nil }
        do {
            return try CronExpression(scalar.text)
        } catch {
            section.problem("cron", scalar.isExpanded ? "“\(scalar.written)” is not a cron expression" : error.message)
            return nil
        }
    }

    /// The time zone, UTC by default; nil if the name is unknown.
    private static func timezone(_ section: Section) -> Zone? {
        guard section.has("timezone") else { return .utc }
        return section.timeZone("timezone")
    }
}
