package dev.tenon.examples.quickstart.messages;

/**
 * A user.
 *
 * @param id unique for ever
 * @param name what to call them
 * @param email where to write to
 */
public record User(String id, String name, String email) {}
