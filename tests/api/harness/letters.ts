/** The letters that a request leaves to be sent, as the queue was told of them: whatever becomes of them. */
import type { World } from "./world.ts";

export interface Letter {
  letter: string;
  user_id?: string;
  registration_id?: string;
  new_email?: string;
  old_email?: string;
  credential_version?: number;
}

interface Message {
  job: Letter & { kind: string };
}

/** The letters of the request that got this answer, in the order they were written. */
export async function lettersOf(world: World, response: Response): Promise<Letter[]> {
  await world.control.settle();
  const { queueSends } = await world.control.recordOf(response);
  const messages = queueSends.map((sent) => (typeof sent === "string" ? JSON.parse(sent) : sent) as Message);
  return messages.flatMap(({ job: { kind, ...letter } }) => (kind === "mail" ? [letter] : []));
}
