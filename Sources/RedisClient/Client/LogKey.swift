/// The metadata keys of log messages.
enum LogKey {
    static let address = "redis.address"
    static let channel = "redis.channel"
    static let error = "redis.error"
    static let formerAddress = "redis.former_address"
}
