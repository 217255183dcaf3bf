/** The answers of the API as the tests read them. */

export interface ShortPerson {
  id: string;
  username: string;
  display_name: string;
  avatar_url: string | null;
}

export interface Person extends ShortPerson {
  bio: string;
  locked: boolean;
  post_count: number;
  follower_count: number;
  following_count: number;
  created_at: string;
}

export interface Relation {
  following: boolean;
  followed_by: boolean;
  requested: boolean;
  blocking: boolean;
  muting: boolean;
}

/** A person as somebody else who is signed in sees them. */
export interface RelatedPerson extends Person {
  relation: Relation;
}

export interface Me extends Person {
  email: string;
  email_verified: boolean;
  role: string;
  plan: string;
}

export interface Tokens {
  access_token: string;
  token_type: string;
  expires_in: number;
  refresh_token: string;
}

export interface Session {
  id: string;
  user_agent: string;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

export interface Registration extends Tokens {
  user: Me;
}

/** A place in a caption, in code points. */
export interface Mention {
  username: string;
  start: number;
  end: number;
}

/** What is left of a post. */
export interface Stub {
  id: string;
  deleted: true;
}

export interface Post {
  id: string;
  author: ShortPerson;
  caption: string;
  media: unknown[];
  visibility: string;
  reply_to: string | null;
  tags: string[];
  mentions: Mention[];
  like_count: number;
  comment_count: number;
  liked: boolean;
  created_at: string;
  edited_at: string | null;
  version: number;
}

export interface Like {
  liked: boolean;
  like_count: number;
}

export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export interface Notification {
  seq: number;
  kind: string;
  actors: ShortPerson[];
  actor_count: number;
  post: { id: string; caption: string; thumb_url: string | null } | null;
  order_id: string | null;
  created_at: string;
  updated_at: string;
  read: boolean;
}

export interface Notifications extends Page<Notification> {
  unread_count: number;
}

export interface FieldProblem {
  pointer: string;
  code: string;
  detail: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id: string;
  errors?: FieldProblem[];
}

/** An account as moderators and admins see it. */
export interface Account {
  id: string;
  username: string;
  display_name: string;
  role: string;
  status: string;
  plan: string;
  email_verified: boolean;
  created_at: string;
}

/** An event of the audit log. */
export interface AuditEvent {
  id: string;
  at: string;
  kind: string;
  actor_id: string | null;
  account_id: string | null;
  session_id: string | null;
  request_id: string;
  details: Record<string, unknown>;
}

/** A report as whoever made it sees it. */
export interface Report {
  id: string;
  post_id: string | null;
  username: string | null;
  reason: string;
  comment: string;
  created_at: string;
}

/** A report as moderators see it. */
export interface ModeratedReport {
  id: string;
  reporter: ShortPerson;
  account: ShortPerson & { role: string; status: string };
  post: { id: string; caption: string; visibility: string; state: string } | null;
  reason: string;
  comment: string;
  created_at: string;
  resolution: { action: string; note: string; by: ShortPerson; at: string } | null;
}
