/** The cells of the matrix: what ought to be found, and what is. */
import { ACTORS } from "./cast.ts";
import type { ActorName, Scene, Stage } from "./cast.ts";
import { Lists } from "./rows.ts";
import type { Row } from "./rows.ts";
import type { Finding } from "./society.ts";

export const nameOf = ({ route, what }: Row) => (what === undefined ? route : `${route}: ${what}`);

/** Whether somebody is not even asked in. */
function isRefused({ asks }: Row, stage: Stage, name: ActorName, scene: Scene): boolean {
  const { person } = stage.viewer(name, scene);
  if (person === null) return asks !== "anyone";
  if (stage.society.suspended.has(person.id)) return true;
  if (asks === "admins") return true;
  return asks === "moderators" && name !== "a moderator";
}

/** What the rules say. */
export function expected(row: Row, stage: Stage, name: ActorName, scene: Scene): Finding {
  if (isRefused(row, stage, name, scene)) return "refused";
  return row.rules(stage.society, stage.viewer(name, scene), scene);
}

/** The cells of one thing in which something else is found than the rules say. */
async function wrongOf(row: Row, stage: Stage, scene: Scene, lists: Lists): Promise<string[]> {
  const cell = async (name: ActorName) => {
    const ought = expected(row, stage, name, scene);
    const found = await row.look(stage.viewer(name, scene), scene, lists);
    return found === ought ? [] : [`${scene.state}, to ${name}: ${found}, not ${ought}`];
  };
  return (await Promise.all((row.actors ?? ACTORS).map(cell))).flat();
}

const scenesOf = (row: Row, { scenes }: Stage) => scenes.filter(({ state }) => row.states?.(state) ?? true);

/** Every cell of a row in which something else is found than the rules say. */
export async function wrongCells(row: Row, stage: Stage): Promise<{ cells: number; wrong: string[] }> {
  const scenes = scenesOf(row, stage);
  const lists = new Lists();
  const wrong: string[] = [];
  for (const scene of scenes) wrong.push(...(await wrongOf(row, stage, scene, lists)));
  return { cells: scenes.length * (row.actors ?? ACTORS).length, wrong };
}

/** Whether there is any such cell; looks no further than the first. */
export async function isWrong(row: Row, stage: Stage): Promise<boolean> {
  const lists = new Lists();
  for (const scene of scenesOf(row, stage)) if ((await wrongOf(row, stage, scene, lists)).length > 0) return true;
  return false;
}
